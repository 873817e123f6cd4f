"""The restore drill: back up, wreck everything, restore elsewhere, and find it whole.

The servers are private ones, the programs the product's own, each in a process of its own.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from dermaclinic import embedded
from dermaclinic.backup import archive, making, postgres
from dermaclinic.backup.postgres import BackupError
from dermaclinic.places import Places
from dermaclinic.sealing.keyring import Keyring, VaultCorrupt

pytestmark = pytest.mark.timeout(900)  # servers are made, and processes start one by one

PROJECT = Path(__file__).resolve().parents[2]
KEYS = {"VAULT_KEYS": "test:" + "dnZ2" * 10 + "dnY=", "VAULT_NAMING_KEY": "bm5u" * 10 + "bm4="}
RING = Keyring.from_environment(KEYS)
CATALOGUE = """
    SELECT concat_ws(' ', 'role', rolname, rolbypassrls, rolsuper, rolcanlogin) FROM pg_roles
        WHERE rolname LIKE 'dermaclinic%'
    UNION ALL SELECT concat_ws(' ', 'table', relname, relowner::regrole, relrowsecurity)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    UNION ALL SELECT concat_ws(' ', 'policy', tablename, policyname, roles, cmd, qual, with_check)
        FROM pg_policies
    UNION ALL SELECT concat_ws(' ', 'grant', grantee, table_name, privilege_type)
        FROM information_schema.table_privileges WHERE table_schema = 'public'
    UNION ALL SELECT concat_ws(' ', 'column', grantee, table_name, column_name, privilege_type)
        FROM information_schema.column_privileges WHERE table_schema = 'public'
    UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled)
        FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat_ws(' ', 'rule', conrelid::regclass, conname, convalidated)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'function', oid::regprocedure, proowner::regrole, prosecdef,
        proconfig, proacl) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
_CASTS = re.compile(r"::(?:character varying|text)(?:\[\])?|[()]")


class Site:
    """One private PostgreSQL, a vault, and commands that run in its environment."""

    def __init__(self, servers: embedded.Servers, vault: Path) -> None:
        self.servers, self.vault = servers, vault
        self.superuser = servers.database_url.replace("dermaclinic_owner@", "postgres@")

    def environment(self, role: str, **more: str) -> dict[str, str]:
        own = {name: os.environ[name] for name in ("PATH", "HOME", "PGBIN") if name in os.environ}
        return {
            **own,
            **embedded.environment(self.servers, "owner"),
            **KEYS,
            "DATABASE_ROLE": role,
            "VAULT_DIR": str(self.vault),
            **more,
        }

    def run(
        self, *arguments: str, role: str = "web", **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self.environment(role, **more),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def must(self, *arguments: str, role: str = "web", **more: str) -> str:
        done = self.run(*arguments, role=role, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def scene(self, task: str, file: Path = Path("-"), *, role: str = "owner") -> str:
        """Run a part of scene.py; the sealer logs in as itself, others as the owner of roles."""
        settings = "tests.backup.settings" if role == "sealer" else "dermaclinic.settings.testing"
        command = ("-m", "tests.backup.scene", task, str(file))
        return self.must(*command, role=role, DJANGO_SETTINGS_MODULE=settings)

    def catalogue(self) -> list[str]:
        """Roles, owners, policies, grants, triggers and rules, each as a line.

        Casts and brackets of a restored policy stand in other places: they are left out.
        """
        return sorted(_CASTS.sub("", line) for (line,) in self.query(CATALOGUE))

    def query(self, sql: str) -> list[Any]:
        connection = psycopg2.connect(self.superuser)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A clinic at work, on a server that is not the suite's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        with embedded.temporary() as servers:
            made = Site(servers, tmp_path_factory.mktemp("site") / "vault")
            made.scene("fill", made.vault.parent / "told.json")
            made.scene("verify", role="sealer")
            yield made


@pytest.fixture(scope="module")
def backup(site: Site) -> Path:
    """The archive, made by the role that may read everything and nothing else."""
    file = site.vault.parent / "backup"
    said = site.must("-m", "dermaclinic.backup", "make", str(file))
    assert "and 4 files of the vault, whole." in said
    return file


def test_the_archive_tells_nothing(site: Site, backup: Path) -> None:
    data = backup.read_bytes()
    for plain in (b"Backup", b"First Test Clinic", b"PGDMP", b"manifest", b"clinic.example"):
        assert plain not in data
    assert backup.stat().st_mode & 0o777 == 0o600
    assert not list(backup.parent.glob(".*part"))


def test_the_backups_role_reads_all_and_writes_nothing(site: Site) -> None:
    env = postgres.environment(site.servers.database_url, user=postgres.BACKUP_ROLE)
    assert postgres.query(env, "SELECT count(*) FROM patients_patient") == ["2"]
    for sql in (
        "DELETE FROM patients_patient",
        "BEGIN; SET LOCAL transaction_read_only = off; UPDATE patients_patient SET mrn = 'x'",
        "BEGIN; SET LOCAL transaction_read_only = off; TRUNCATE audit_event",
        "SET ROLE dermaclinic_owner",
    ):
        with pytest.raises(BackupError):
            postgres.query(env, sql)
    assert postgres.query(env, "SELECT count(*) FROM patients_patient WHERE mrn = 'x'") == ["0"]


def test_a_cut_archive_restores_nothing(site: Site, backup: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    for size in (backup.stat().st_size - 1, backup.stat().st_size // 2, 50):
        cut.write_bytes(backup.read_bytes()[:size])
        with pytest.raises(VaultCorrupt):
            archive.verify(cut, RING)
    site.query("CREATE DATABASE empty")
    target = tmp_path / "vault"
    url = site.superuser.replace("/dermaclinic?", "/empty?")
    done = site.run("-m", "dermaclinic.backup", "restore", str(cut), DATABASE_URL=url,
                    VAULT_DIR=str(target))  # fmt: skip
    assert done.returncode == 1 and "sealed stream" in done.stderr
    assert not target.exists()


def test_an_unsealed_audit_is_not_backed_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    env = postgres.environment(site.servers.database_url, user=postgres.BACKUP_ROLE)
    monkeypatch.setattr(making, "WAIT", 0.0)
    making.wait_for_seals(env)
    monkeypatch.setattr(making, "UNSEALED", "SELECT 3 /* {moment} */")
    with pytest.raises(BackupError, match="3 events of the audit are not sealed"):
        making.wait_for_seals(env)


def test_backed_up_wrecked_restored(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told, backup = site.vault.parent / "told.json", tmp_path / "backup"
    site.scene("look", told)
    # Events that come in after the sealer was waited for are in the dump, and not sealed.
    monkeypatch.setattr(making, "wait_for_seals", lambda _env: None)
    env = postgres.environment(site.servers.database_url, user=postgres.BACKUP_ROLE)
    making.make(backup, env=env, vault=site.vault, keyring=RING)
    before = site.catalogue()
    events = site.query("SELECT count(*) FROM audit_event")
    shutil.rmtree(site.vault)
    site.servers.stop()
    shutil.rmtree(Places.of(site.servers.state).home / "postgresql")

    with embedded.temporary() as servers:
        elsewhere = Site(servers, tmp_path / "vault")
        said = elsewhere.must("-m", "dermaclinic.backup", "restore", str(backup),
                              DATABASE_URL=elsewhere.superuser)  # fmt: skip
        assert "Restored." in said
        assert elsewhere.query("SELECT count(*) FROM audit_event") == events
        assert elsewhere.catalogue() == before
        assert len([line for line in before if line.startswith("policy")]) > 10
        assert "are intact; 0 wait" in elsewhere.scene("verify", role="sealer")
        elsewhere.scene("look", told)
        assert "are intact; 0 wait" in elsewhere.scene("verify", role="sealer")
        # What is there is never overwritten.
        done = elsewhere.run("-m", "dermaclinic.backup", "restore", str(backup),
                             DATABASE_URL=elsewhere.superuser)  # fmt: skip
        assert done.returncode == 1 and "not empty" in done.stderr
