"""PostgreSQL's log tells what failed, and never whose data it was."""

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import yaml

from dermaclinic import backends, embedded

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[embedded.Servers]:
    """Servers of their own: the suite's log is everybody's."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    with embedded.temporary() as started:
        yield started


def test_a_failed_statement_leaves_no_names_in_the_log(servers: embedded.Servers) -> None:
    connection = psycopg2.connect(servers.database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE people (name text PRIMARY KEY, born date CHECK (born > '1900-1-1'))"
        )
        cursor.execute("INSERT INTO people VALUES ('Zacharias Muster', '1950-01-01')")
        for values in (("Zacharias Muster", "1950-01-01"), ("Anna Muster", "1850-01-01")):
            with pytest.raises(psycopg2.IntegrityError):
                cursor.execute("INSERT INTO people VALUES (%s, %s)", values)
    connection.close()
    log = (servers.state / "log" / "postgresql.log").read_text()
    assert "people_pkey" in log
    assert "people_born_check" in log
    assert "Muster" not in log
    assert "1850" not in log


def test_the_clinics_server_keeps_the_same_silence() -> None:
    command = yaml.safe_load(COMPOSE.read_text())["services"]["postgres"]["command"]
    given = {option.partition("=")[::2] for option in command if "=" in option}
    assert given == set(backends.DISCREET.items())


def test_the_sealer_has_no_key_to_the_images() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    sealer = services["sealer"]
    assert not {"VAULT_KEYS", "VAULT_NAMING_KEY"} & set(sealer["environment"])
    assert not any("vault" in each for each in sealer["volumes"])
    assert [
        n for n, each in services.items() if "AUDIT_SEAL_KEY" in each.get("environment", {})
    ] == ["sealer"]
    assert services["web"]["environment"]["PROMETHEUS_MULTIPROC_DIR"] in services["web"]["tmpfs"]
