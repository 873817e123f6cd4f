"""Reads the environment: servers, keys, this process's role, and the names that it answers to."""

import fcntl
import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from dermaclinic import embedded
from dermaclinic.sealing import sources
from dermaclinic.sealing.keyring import VaultKeyMissing

SIOCGIFADDR = 0x8915  # netdevice(7)
IPV6 = Path("/proc/net/if_inet6")
ROLES = ("owner", "web", "worker", "sealer")


def required(name: str) -> str:
    """The value of a variable or of its file; ImproperlyConfigured when it is missing or empty."""
    value = secret(name)
    if not value:
        raise ImproperlyConfigured(f"Set the environment variable {name} or {name}_FILE.")
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
    url = urlsplit(secret("DATABASE_URL") or embedded.database_url())
    options = {key: values[-1] for key, values in parse_qs(url.query).items()}
    password = secret(f"DATABASE_PASSWORD_{role.upper()}") or unquote(url.password or "")
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
    return secret("REDIS_URL") or embedded.redis_url()


def path(name: str, default: Path) -> Path:
    """A directory from the environment."""
    return Path(os.environ.get(name) or default)


def word(name: str, default: str) -> str:
    """A choice among a few; empty counts as not made."""
    return os.environ.get(name) or default


def names(variable: str) -> list[str]:
    """What stands in a variable, between commas; spaces around it do not count."""
    return [part.strip() for part in os.environ.get(variable, "").split(",") if part.strip()]


def origins(hosts: list[str]) -> list[str]:
    """Where forms of such hosts come from, over HTTPS: `.clinic.example` is all of its hosts."""
    return [f"https://{'*' if host.startswith('.') else ''}{host}" for host in hosts if host != "*"]


def networks(variable: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Addresses and networks (`10.0.0.0/8`) between commas; ImproperlyConfigured for others."""
    try:
        return [ipaddress.ip_network(each) for each in names(variable)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{variable}: {error}.") from error


def names_of(host: str) -> list[str]:
    """Under which names a server that listens on `host` is called.

    For a wildcard these are the names and addresses that the machine knows of itself; no name
    server is asked.
    """
    if host not in ("0.0.0.0", "::"):  # noqa: S104 - asked for by HOST
        return [f"[{host}]" if ":" in host else host] if host else []
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return [name, short, f"{short}.local", *_own_addresses()]


def _own_addresses() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _number, interface in socket.if_nameindex():
            question = struct.pack("256s", interface.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, question)
            except OSError:
                continue  # it has none
            found.append(socket.inet_ntoa(answer[20:24]))
    if IPV6.exists():
        digits = (line.split()[0] for line in IPV6.read_text().splitlines())
        found += [f"[{ipaddress.IPv6Address(int(each, 16))}]" for each in digits]
    return found


def secret(name: str) -> str:
    """A secret from NAME, or from the file that NAME_FILE names, which only its owner may read.

    Empty when unset, so that commands that need none (`evaluate`) still start.
    """
    try:
        return sources.value(name, os.environ)
    except VaultKeyMissing as error:
        raise ImproperlyConfigured(str(error)) from error
