"""The settings of a clinic's server and of one's own machine, as the environment makes them."""

import base64
import json
import os
import socket
import subprocess
import sys
from typing import Any

import pytest

SECRETS = {
    "SECRET_KEY": "".join(chr(33 + 7 * n % 89) for n in range(60)),
    "AUDIT_EVENT_KEY": base64.b64encode(bytes(range(32))).decode(),
    "AUDIT_SEAL_KEY": base64.b64encode(bytes(range(32, 64))).decode(),
    "VAULT_KEYS": "v",
    "VAULT_NAMING_KEY": "n",
    "ALLOWED_HOSTS": "clinic.example",
    "TRUSTED_PROXIES": "192.0.2.1",
}
PROGRAM = """
import json, importlib, sys
module = importlib.import_module("dermaclinic.settings." + sys.argv[1])
print(json.dumps({name: getattr(module, name) for name in sys.argv[2:]}))
"""


def load(module: str, *wanted: str, without: str = "", **given: str) -> Any:
    """Some settings of a module, in a process that has this environment alone; None: it refuses."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql:///x",
        **SECRETS,
        **given,
    }
    for name in without.split():
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module, *wanted],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert "ImproperlyConfigured" in done.stderr
        return None
    return json.loads(done.stdout)


def test_hosts_are_written_as_people_write_them() -> None:
    found = load(
        "production",
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        ALLOWED_HOSTS="clinic.example, .clinic.example ,",
    )
    assert found == {
        "ALLOWED_HOSTS": ["clinic.example", ".clinic.example"],
        "CSRF_TRUSTED_ORIGINS": ["https://clinic.example", "https://*.clinic.example"],
    }


def test_the_web_server_needs_its_name() -> None:
    assert load("production", without="ALLOWED_HOSTS") is None


@pytest.mark.parametrize("proxies", ["", " , "])
def test_the_web_server_needs_to_know_its_proxy(proxies: str) -> None:
    """Else all callers share one address: its rates, and its lockouts."""
    assert load("production", TRUSTED_PROXIES=proxies) is None
    assert load("production", without="TRUSTED_PROXIES") is None
    assert load("production", DATABASE_ROLE="worker", without="TRUSTED_PROXIES") == {}
    assert load("development", TRUSTED_PROXIES=proxies) == {}


@pytest.mark.parametrize("role", ["web", "worker"])
@pytest.mark.parametrize("key", ["VAULT_KEYS", "VAULT_NAMING_KEY", "AUDIT_EVENT_KEY", "SECRET_KEY"])
def test_who_opens_images_needs_every_key(role: str, key: str) -> None:
    assert load("production", DATABASE_ROLE=role, without=key) is None


@pytest.mark.parametrize("role", ["owner", "sealer"])
def test_nobody_else_needs_the_images_keys(role: str) -> None:
    missing = "VAULT_KEYS VAULT_NAMING_KEY ALLOWED_HOSTS"
    assert load("production", "VAULT_KEYS", DATABASE_ROLE=role, without=missing) == {
        "VAULT_KEYS": ""
    }
    assert load("production", DATABASE_ROLE=role, without="AUDIT_EVENT_KEY") is None


def test_ones_own_machine_answers_to_itself_alone() -> None:
    found = load("development", "ALLOWED_HOSTS", without="ALLOWED_HOSTS")
    assert found == {"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"]}


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - what people give as HOST
def test_open_to_all_it_answers_to_its_names_and_addresses(host: str) -> None:
    hosts = load("development", "ALLOWED_HOSTS", without="ALLOWED_HOSTS", HOST=host)[
        "ALLOWED_HOSTS"
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        known = {socket.gethostname().lower(), "localhost", "127.0.0.1"}
    assert known <= set(hosts)
    assert "*" not in hosts
    assert "0.0.0.0" not in hosts  # noqa: S104 - no name of anybody


def test_a_host_and_names_that_were_given_are_answered_to() -> None:
    found = load(
        "development",
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        HOST="fd00::7",
        ALLOWED_HOSTS="desk.clinic.example",
    )
    assert found["ALLOWED_HOSTS"][3:] == ["desk.clinic.example", "[fd00::7]"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://desk.clinic.example"]
