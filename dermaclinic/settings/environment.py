"""Reads the environment: where PostgreSQL and Redis are, and which role this process plays."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from dermaclinic import embedded

ROLES = ("owner", "web", "worker", "sealer")


def required(name: str) -> str:
    """The value of an environment variable; ImproperlyConfigured when it is missing or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"Set the environment variable {name}.")
    return value


def database_role() -> str:
    """This process's database role: owner migrates, web serves, worker infers, sealer seals."""
    role = os.environ.get("DATABASE_ROLE", "web")
    if role not in ROLES:
        raise ImproperlyConfigured(f"DATABASE_ROLE is {role!r}, but must be one of {ROLES}.")
    return role


def database(role: str) -> dict[str, Any]:
    """Django's database settings for a role.

    The address comes from DATABASE_URL, or else from the private server in the state directory.
    The user is always `dermaclinic_<role>`; its password is DATABASE_PASSWORD_<ROLE>, or the one
    in the URL.
    """
    url = urlsplit(os.environ.get("DATABASE_URL") or embedded.database_url())
    options = {key: values[-1] for key, values in parse_qs(url.query).items()}
    password = os.environ.get(f"DATABASE_PASSWORD_{role.upper()}") or unquote(url.password or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.lstrip("/"),
        "USER": f"dermaclinic_{role}",
        "PASSWORD": password,
        "HOST": options.pop("host", None) or unquote(url.hostname or ""),
        "PORT": options.pop("port", None) or str(url.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def redis_url() -> str:
    """REDIS_URL, or else the private server in the state directory."""
    return os.environ.get("REDIS_URL") or embedded.redis_url()


def path(name: str, default: Path) -> Path:
    """A directory from the environment."""
    return Path(os.environ.get(name) or default)


def secret(name: str) -> str:
    """A secret; empty when unset, so that commands that need none (`evaluate`) still start."""
    return os.environ.get(name, "")
