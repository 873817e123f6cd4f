"""Reads the environment: the hospital's identity provider, and which of its roles are ours."""

import uuid
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from dermaclinic.settings import environment

ROLES = ("technician", "doctor", "administrator")


def issuer(name: str) -> str:
    """The provider's issuer, as it writes it itself; empty when there is none.

    ImproperlyConfigured without TLS, except on this machine.
    """
    found = environment.word(name, "")
    parts = urlsplit(found)
    if found and parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        raise ImproperlyConfigured(f"{name} must begin with https://.")
    return found


def clinic(name: str, *, needed: str) -> uuid.UUID:
    """The id of the one clinic that the provider speaks for; it must be there if `needed` is."""
    found = environment.word(name, "")
    if not needed and not found:
        return uuid.UUID(int=0)
    try:
        return uuid.UUID(found)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be the id of a clinic.") from error


def roles(name: str) -> dict[str, str]:
    """Which value of the claim means which role (`value=role` between commas), the first wins."""
    found = dict(each.partition("=")[::2] for each in environment.names(name))
    wrong = sorted(set(found.values()) - set(ROLES))
    if wrong:
        raise ImproperlyConfigured(f"{name}: {wrong} are no roles; there are {ROLES}.")
    return found
