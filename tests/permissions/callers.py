"""Everybody in the table's columns, as those who call pages and the API.

They go through the whole of the product's middleware, but not through Django's test client, whose
record of every template's context costs more than the answers.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.core.handlers.base import BaseHandler
from django.test import Client, RequestFactory
from django.utils import timezone

from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.models import ApiToken, Clinic, Membership
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import browser
from tests.permissions.scene import Scene
from tests.permissions.shapes import CALLERS, A, D, T


class Caller:
    """Somebody with a session's cookies, or a token, or neither; forgets what answers set.

    What is tried is permissions, so the CSRF check is off, as it is in Django's test client.
    """

    handler = BaseHandler()
    handler.load_middleware()

    def __init__(self, client: Client | None = None, token: str = "", clinic: Any = None) -> None:
        cookies = client.cookies.items() if client else ()
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies)
        said = {"cookie": cookie, "authorization": f"Token {token}" if token else ""}
        self.clinic = clinic
        self._headers = {name: value for name, value in said.items() if value}

    def ask(
        self, method: str, path: str, body: bytes, content_type: str, headers: Mapping[str, str]
    ) -> Any:
        """The answer; a defect is a 500."""
        request = RequestFactory().generic(
            method, path, body, content_type, headers={**self._headers, **headers}
        )
        request._dont_enforce_csrf_checks = True
        return self.handler.get_response(request)


def _membership(actor: Actor) -> Membership:
    return Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)


def with_token(membership: Membership, **changes: Any) -> Caller:
    """Calls with a token of a member, which the owner may have changed since it was issued."""
    token, text = ApiToken.issue(membership)
    if changes:
        with acting_as("owner"):
            ApiToken.objects.filter(pk=token.pk).update(**changes)
    return Caller(token=text, clinic=membership.clinic_id)


def with_session(actor: Actor) -> Caller:
    """Calls from a browser, in a session that no pause ends, however slow the machine is."""
    client = browser(actor)
    rows = UserSession.objects.filter(session_key=client.session.session_key)
    assert rows.update(last_seen_at=timezone.now() + timedelta(days=1)) == 1
    return Caller(client, clinic=actor.clinic_id)


def everybody(scene: Scene, elsewhere: Clinic) -> dict[str, tuple[Caller, Caller]]:
    """By column: how they come to a page, and how they come to the API.

    Members bring a session to pages and a token to the API; dead tokens are tried on both.
    """
    found: dict[str, tuple[Caller, Caller]] = {"nobody": (Caller(), Caller())}
    for role in (T, D, A):
        ours = scene.people[role]
        theirs = factories.actor(elsewhere, role)
        found[role] = with_session(ours), with_token(_membership(ours))
        found[f"{role} elsewhere"] = with_session(theirs), with_token(_membership(theirs))
    former = factories.membership(scene.clinic, D)
    session, token = with_session(member_actor(former)), with_token(former)
    scene.leave(former)
    found["session of a former member"] = session, session
    found["token of a former member"] = token, token
    doctor = _membership(scene.doctor)
    now = timezone.now()
    for name, changes in (
        ("expired token", {"expires_at": now - timedelta(seconds=1)}),
        ("revoked token", {"revoked_at": now}),
    ):
        dead = with_token(doctor, **changes)
        found[name] = dead, dead
    assert set(found) == set(CALLERS)
    return found
