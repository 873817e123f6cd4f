"""Where people are signed in, and the end of it.

allauth keeps a row beside each of Django's sessions. Its `last_seen_at` is the last time somebody
asked for something; polls do not count (idle.py).
"""

from importlib import import_module
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Membership, User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, NotFound


def of(user: User) -> list[UserSession]:
    """The person's sessions that still hold, the last used first; the others' rows are deleted.

    As allauth's `purge_and_list`, which asks once for each session.
    """
    found = list(UserSession.objects.filter(user=user).order_by("-last_seen_at"))
    keys = [each.session_key for each in found]
    stored = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    holding = {each.session_key for each in stored if _is_of(user, each.get_decoded())}
    UserSession.objects.filter(
        pk__in=[e.pk for e in found if e.session_key not in holding]
    ).delete()
    return [each for each in found if each.session_key in holding]


def _is_of(user: User, session: dict[str, Any]) -> bool:
    """Is somebody signed in there as this person, with the password that holds?"""
    known = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    told = session.get(HASH_SESSION_KEY, "")
    return session.get(SESSION_KEY) == str(user.pk) and any(
        constant_time_compare(told, each) for each in known
    )


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
