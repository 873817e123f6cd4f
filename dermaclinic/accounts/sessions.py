"""Where people are signed in, and the end of it.

allauth keeps a row beside each of Django's sessions. Its `last_seen_at` is the last time somebody
asked for something; polls do not count (idle.py).
"""

from importlib import import_module
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Membership, User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, NotFound


def of(user: User) -> list[UserSession]:
    """The person's sessions that still hold, the last used first."""
    found = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda each: each.last_seen_at, reverse=True)


def end(*, actor: Actor, session_id: int, current: str) -> None:
    """Sign oneself out at another place than in the session with the key `current`.

    Raises NotFound for anybody else's; Conflict for this one.
    """
    with clinic_context(actor.clinic_id):
        rows = UserSession.objects.filter(user=actor.person, pk=session_id)
        found = rows.select_for_update().first()
        if found is None:
            audit.not_found(actor, verb="end", model=UserSession, lookup={"pk": session_id})
            raise NotFound
        if found.session_key == current:
            raise Conflict(_("This is where you are. Sign out with the button at the top."))
        found.end()
        audit.ended_sessions(actor, count=1)


def end_others(*, actor: Actor, current: str) -> int:
    """Sign oneself out everywhere but in the session with the key `current`; how many ended."""
    with clinic_context(actor.clinic_id):
        ended = end_all(actor.person, but=current)
        if ended:
            audit.ended_sessions(actor, count=ended)
    return ended


def end_all(user: User, *, but: str = "") -> int:
    """End a person's sessions, but for the one with this key; how many there were.

    Call in the transaction of what ends them, a change of the password for one, and record that.
    """
    rows = UserSession.objects.filter(user=user).exclude(session_key=but)
    return _end(list(rows.select_for_update()))


def end_in_clinic(membership: Membership) -> int:
    """End a member's sessions in this clinic; how many there were. Sessions elsewhere go on."""
    clinic = str(membership.clinic_id)
    rows = UserSession.objects.filter(user=membership.user_id).select_for_update()
    return _end([each for each in rows if _clinic_of(each) in (clinic, None)])


def _end(found: list[UserSession]) -> int:
    for each in found:
        each.end()
    return len(found)


def _clinic_of(session: UserSession) -> Any:
    """What the session has under "clinic"; None where none was chosen."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return store(session.session_key).get("clinic")
