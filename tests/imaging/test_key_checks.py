"""A process that opens images does not start with a wrong, missing or made-up key, and says so."""

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from imaging import key_checks
from imaging.storage import vault
from tests.imaging.test_vault import NAME

PROJECT = Path(__file__).resolve().parents[2]


def random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


A, B, NAMING = random_key(), random_key(), random_key()


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.VAULT_KEYS, settings.VAULT_NAMING_KEY = f"a:{A}", NAMING


def refused(**changes: str) -> str:
    """The sentence with which a start is refused."""
    with pytest.raises(ImproperlyConfigured) as error:
        key_checks.refuse_wrong_keys()
    found = [message.msg for message in run_checks() if message.id == "imaging.E001"]
    assert " ".join(found) == str(error.value), "the system check says the same"
    return str(error.value)


def test_the_right_keys_start_again_and_again(settings: Any) -> None:
    for _ in range(3):
        key_checks.refuse_wrong_keys()
        vault().put(NAME, b"x")
    settings.VAULT_KEYS = f"b:{B},a:{A}"
    key_checks.refuse_wrong_keys()
    assert key_checks.answered(vault()) == {"a", "b"}
    assert not [each for each in run_checks() if each.id == "imaging.E001"]


def test_a_wrong_key_under_the_same_id(settings: Any) -> None:
    key_checks.refuse_wrong_keys()
    settings.VAULT_KEYS = f"a:{B}"
    assert "The key a in VAULT_KEYS is not the one" in refused()
    assert B not in refused()


def test_a_key_that_is_missing(settings: Any) -> None:
    key_checks.refuse_wrong_keys()
    settings.VAULT_KEYS = f"b:{B}"
    assert "sealed under the key a, which VAULT_KEYS does not hold" in refused()
    settings.VAULT_KEYS = ""
    assert "VAULT_KEYS is not set" in refused()
    assert key_checks.answered(vault_with(settings, f"a:{A}")) == {"a"}, "nothing was written"


def vault_with(settings: Any, keys: str) -> Any:
    settings.VAULT_KEYS = keys
    return vault()


def test_another_naming_key(settings: Any) -> None:
    key_checks.refuse_wrong_keys()
    settings.VAULT_NAMING_KEY = B
    assert "VAULT_NAMING_KEY is not the key" in refused()


def test_a_vault_from_before_there_were_answers(settings: Any) -> None:
    vault().put(NAME, b"x")
    settings.VAULT_KEYS = f"a:{B}"
    assert "does not open" in refused()
    settings.VAULT_KEYS = f"b:{B}"
    assert "sealed under the key a" in refused()
    assert not vault().notes()
    settings.VAULT_KEYS = f"a:{A}"
    key_checks.refuse_wrong_keys()


@pytest.mark.parametrize(
    ("keys", "naming", "said"),
    [
        (f"demo:{A}", NAMING, "demo's key (demo)"),
        (f"test:{A}", NAMING, "demo's key (test)"),
        (f"a:{base64.b64encode(b'v' * 32).decode()}", NAMING, "The key a is not random"),
        (
            f"a:{A}",
            base64.b64encode(bytes(range(8)) * 4).decode(),
            "VAULT_NAMING_KEY is not random",
        ),
        (f"a:{A}", A, "are the same"),
        (f"a:{A},b:{A}", NAMING, "are the same"),
    ],
)
def test_production_refuses_keys_that_guard_nothing(
    settings: Any, keys: str, naming: str, said: str
) -> None:
    settings.VAULT_KEYS, settings.VAULT_NAMING_KEY = keys, naming
    key_checks.refuse_wrong_keys()  # a demo may
    settings.VAULT_REFUSES_DEMO_KEYS = True
    assert said in refused()


def environment(tmp_path: Path, **given: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.production",
        "DATABASE_URL": "postgresql:///nobody?host=/nowhere",
        "REDIS_URL": "unix:///nowhere/redis.sock",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "AUDIT_EVENT_KEY": random_key(),
        "VAULT_NAMING_KEY": NAMING,
        "VAULT_DIR": str(tmp_path / "vault"),
        "ALLOWED_HOSTS": "clinic.example",
        "TRUSTED_PROXIES": "192.0.2.1",
        **given,
    }


WEB = [sys.executable, "-m", "gunicorn", "dermaclinic.wsgi", "--bind", "127.0.0.1:0"]
WORKER = [sys.executable, "-m", "celery", "-A", "dermaclinic", "worker", "-P", "solo"]
SIGN_INS = [("web", [*WEB, "--no-control-socket"]), ("worker", WORKER)]


@pytest.mark.parametrize(("role", "command"), SIGN_INS, ids=["web", "worker"])
@pytest.mark.parametrize("keys", [f"demo:{A}", f"a:{B}"], ids=["demo", "wrong"])
def test_web_and_worker_do_not_start(
    settings: Any, tmp_path: Path, role: str, command: list[str], keys: str
) -> None:
    key_checks.refuse_wrong_keys()  # the vault is sealed under A
    settings.VAULT_DIR = tmp_path / "vault"
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment(tmp_path, DATABASE_ROLE=role, VAULT_KEYS=keys),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    said = "demo's key (demo)" if keys.startswith("demo") else "is not the one with which"
    assert said in done.stderr + done.stdout
    assert A not in done.stderr and B not in done.stderr
