"""A process that checks stretches of seals with a connection of its own. It needs no Django."""

from typing import Any

from dermaclinic.audit.checking import Stretch, check
from dermaclinic.audit.keyring import Keyring

_own: dict[str, Any] = {}


def start(params: dict[str, Any], role: str, events: Keyring, seals: Keyring) -> None:
    """Connect with psycopg2's parameters, once in the process's life, and act as `role`."""
    import psycopg2
    from psycopg2 import sql

    opened = psycopg2.connect(**params)
    opened.set_session(readonly=True, autocommit=True)
    with opened.cursor() as cursor:
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    _own.update(connection=opened, rings=(events, seals))


def check_stretch(bounds: tuple[int, int]) -> Stretch:
    """Check the seals between two ids; see `checking.check`."""
    return check(_own["connection"], *bounds, *_own["rings"])
