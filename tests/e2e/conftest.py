"""The whole product for a browser: web server, both workers and the sealer on the test database.

The processes are those that the demo starts, with the demo's own commands, each in its role.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.actor import member_actor
from dermaclinic.accounts.models import Membership
from dermaclinic.demo import Supervised, children, free_port, wait_for_page
from inference.models import ModelVersion
from tests import factories, opinions

KEYS = ("SECRET_KEY", "VAULT_KEYS", "VAULT_NAMING_KEY", "AUDIT_EVENT_KEY")
CHROMIUM = "/usr/bin/chromium"
_vaults: dict[str, Path] = {}  # of running products, by address
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]


@dataclass(frozen=True)
class House:
    """An address and three people who may sign in there with `factories.PASSWORD`."""

    url: str
    people: dict[str, Membership]


@pytest.fixture(scope="module")
def product(django_db_setup: None, tmp_path_factory: Any) -> Iterator[str]:
    """Starts everything once; its address. Stopped before other tests start workers of theirs."""
    folder = Path(tmp_path_factory.mktemp("house"))
    (folder / "log").mkdir()
    call_command("collectstatic", interactive=False, verbosity=0)
    bind = f"127.0.0.1:{free_port('127.0.0.1', 8410)}"
    running: list[Supervised] = children(_roles(folder), folder / "log", bind)
    url = f"http://{bind}/"
    try:
        for each in running:
            each.start()
        wait_for_page(url, running[0])
        _vaults[url] = folder / "vault"
        yield url
    finally:
        for each in reversed(running):
            each.child.stop()


def _roles(folder: Path) -> dict[str, dict[str, str]]:
    url = urlsplit(os.environ["DATABASE_URL"])
    common = {
        **os.environ,
        **{name: getattr(django_settings, name) for name in KEYS},
        "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.development",
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}")),
        "VAULT_DIR": str(folder / "vault"),
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    roles = {role: {**common, "DATABASE_ROLE": role} for role in ("web", "worker", "sealer")}
    roles["sealer"]["AUDIT_SEAL_KEY"] = django_settings.AUDIT_SEAL_KEY
    return roles


@pytest.fixture(autouse=True)
def _patiently() -> None:
    """A machine that runs everything at once answers, but not at once."""
    expect.set_options(timeout=15_000)


@pytest.fixture
def _products_vault(product: str, settings: Any) -> None:
    """What the test stores, the product finds."""
    settings.VAULT_DIR = _vaults[product]


@pytest.fixture
def _slow_hashes(settings: Any) -> None:
    """The product's own way of keeping passwords, not the suite's quick one."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]


@pytest.fixture
def house(transactional_db: None, product: str, _slow_hashes: None, clinic: Any) -> House:
    """A clinic with one person of each role and the shipped network."""
    folder = Path(django_settings.MODEL_PACKAGES) / "ham10000-standard"
    opinions.registered(folder)
    ModelVersion.objects.update(active=True)
    roles = ("technician", "doctor", "administrator")
    people = {role: factories.membership(clinic, role) for role in roles}
    # Served as in development, where doctors and administrators need a second factor.
    clinic_settings.change(
        actor=member_actor(people["administrator"]),
        number=0,
        prevalence=None,
        targets={},
        mfa_roles=[],
    )
    return House(product, people)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright's loop runs in this thread, and Django would take its own queries for async ones.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def check_axe(page: Page) -> None:
    """Nothing that axe-core can find is wrong with the page's accessibility."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
