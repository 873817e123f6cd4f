"""A clinic's server: what it refuses to start with, and that Django has no complaints."""

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured

from dermaclinic import keys
from dermaclinic.settings import environment, strength
from tests.accounts.test_settings import load

PROJECT = Path(__file__).resolve().parents[2]


def random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def given(tmp_path: Path, role: str = "web") -> dict[str, str]:
    """What a server's environment holds."""
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.production",
        "DATABASE_URL": "postgresql:///nobody?host=/nowhere",
        "DATABASE_ROLE": role,
        "REDIS_URL": "unix:///nowhere/redis.sock",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "AUDIT_EVENT_KEY": f"2026:{random_key()}",
        "AUDIT_SEAL_KEY": f"2026:{random_key()}",
        "VAULT_KEYS": f"2026:{random_key()}",
        "VAULT_NAMING_KEY": random_key(),
        "VAULT_DIR": str(tmp_path / "vault"),
        "ALLOWED_HOSTS": "clinic.example",
        "TRUSTED_PROXIES": "192.0.2.1",
    }


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_djangos_deployment_check_finds_nothing(tmp_path: Path) -> None:
    done = manage(given(tmp_path), "check", "--deploy", "--fail-level", "INFO")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_a_server_behind_an_unknown_proxy_says_so_and_does_not_start(tmp_path: Path) -> None:
    done = manage(given(tmp_path) | {"TRUSTED_PROXIES": ""}, "check", "--deploy")
    assert done.returncode != 0
    assert "Set TRUSTED_PROXIES" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "s"),
        ("SECRET_KEY", "x" * 80),
        ("SECRET_KEY", "django-insecure-" + secrets.token_urlsafe(50)),
        ("SECRET_KEY", "changeme-" + secrets.token_urlsafe(50)),
        ("SECRET_KEY", "testing-only"),
        ("AUDIT_EVENT_KEY", "a"),
        ("AUDIT_EVENT_KEY", base64.b64encode(b"e" * 32).decode()),
        ("AUDIT_EVENT_KEY", base64.b64encode(bytes(range(16))).decode()),
        ("AUDIT_EVENT_KEY", f"demo:{base64.b64encode(bytes(range(32))).decode()}"),
        ("AUDIT_EVENT_KEY", "not base64 at all, by any reading of it"),
    ],
)
def test_what_is_no_secret(name: str, value: str) -> None:
    check = strength.signing_secret if name == "SECRET_KEY" else strength.ring
    with pytest.raises(ImproperlyConfigured, match=name):
        check(name, value)


@pytest.mark.parametrize("role", ["owner", "worker"])
def test_no_process_starts_with_what_is_no_secret(role: str) -> None:
    assert load("production", DATABASE_ROLE=role) == {}
    assert load("production", DATABASE_ROLE=role, SECRET_KEY="s") is None
    assert load("production", DATABASE_ROLE=role, AUDIT_EVENT_KEY="a") is None


def test_the_sealer_does_not_start_with_a_weak_seal() -> None:
    assert load("production", DATABASE_ROLE="sealer", without="AUDIT_SEAL_KEY") is None
    weak = base64.b64encode(b"s" * 32).decode()
    assert load("production", DATABASE_ROLE="sealer", AUDIT_SEAL_KEY=weak) is None


def test_production_refuses_every_secret_of_a_demo(tmp_path: Path) -> None:
    demo = keys.read(tmp_path)
    with pytest.raises(ImproperlyConfigured, match="demo"):
        strength.signing_secret("SECRET_KEY", demo["SECRET_KEY"])
    for name in ("AUDIT_EVENT_KEY", keys.SEAL_KEY):
        with pytest.raises(ImproperlyConfigured, match="demo"):
            strength.ring(name, demo[name])
    assert load("production", SECRET_KEY=demo["SECRET_KEY"]) is None


def test_a_refusal_does_not_repeat_the_secret(tmp_path: Path) -> None:
    weak = "changeme-but-still-somebodys-secret"
    done = manage(given(tmp_path) | {"SECRET_KEY": weak}, "check")
    assert done.returncode != 0
    assert weak not in done.stderr + done.stdout


def test_random_keys_are_strong() -> None:
    for _ in range(200):
        strength.signing_secret("SECRET_KEY", secrets.token_urlsafe(50))
        strength.ring("AUDIT_EVENT_KEY", f"a:{random_key()},b:{random_key()}")


SECRETS = [
    "SECRET_KEY", "AUDIT_EVENT_KEY", "AUDIT_SEAL_KEY", "VAULT_KEYS", "VAULT_NAMING_KEY",
    "METRICS_TOKEN", "OIDC_CLIENT_SECRET",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_lie_in_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    file = tmp_path / "secret"
    file.write_text("what it says\n")
    file.chmod(0o400)
    monkeypatch.setenv(f"{name}_FILE", str(file))
    assert environment.secret(name) == "what it says"
    assert environment.required(name) == "what it says"


def test_the_databases_password_and_the_bell_may_lie_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("DATABASE_PASSWORD_WEB", "pass word"),
        ("REDIS_URL", "redis://:pass@redis:6379/0"),
    ):
        file = tmp_path / name
        file.write_text(text + "\n")
        file.chmod(0o400)
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(file))
    assert environment.database("web")["PASSWORD"] == "pass word"
    assert environment.redis_url() == "redis://:pass@redis:6379/0"


@pytest.mark.parametrize("trouble", ["missing", "folder", "open to all", "both"])
def test_a_secrets_file_that_is_none(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    if trouble == "folder":
        file.mkdir()
    elif trouble != "missing":
        file.write_text("text")
        file.chmod(0o444 if trouble == "open to all" else 0o400)
    monkeypatch.setenv("SECRET_KEY_FILE", str(file))
    monkeypatch.delenv("SECRET_KEY", raising=False)
    if trouble == "both":
        monkeypatch.setenv("SECRET_KEY", "also")
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        environment.secret("SECRET_KEY")


def test_cookies_are_this_hosts_alone() -> None:
    """`__Host-` asks for Secure, Path=/ and no Domain; a browser drops the cookie otherwise."""
    expected = {
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "DEBUG": False,
    }
    assert load("production", *expected) == expected
    program = "from dermaclinic.settings import production as p; print([n for n in dir(p) if "
    program += "n.endswith(('COOKIE_DOMAIN', 'COOKIE_PATH'))])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env=given(Path("/nowhere")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_no_secret_is_written_in_the_repository() -> None:
    """Compose and CI name secrets; none of them has a value there."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    for service, said in compose["services"].items():
        for name, value in (said.get("environment") or {}).items():
            if any(word in name for word in ("KEY", "PASSWORD", "SECRET", "TOKEN")):
                assert str(value).startswith("${"), f"{service}: {name}"
