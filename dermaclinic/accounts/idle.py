"""The end of a session in which nobody has asked for anything for as long as the clinic allows, and
of every session SESSION_COOKIE_AGE after its sign-in.

What a page asks for by itself is no sign of a person: polls, which say so in a header (static/js/
idle.js), and the images and scripts that the browser fetches. The browser warns, covers the page
and leaves by its own clock; here is the limit that no browser can move.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from allauth.account.internal.flows.login import get_authentication_records
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dermaclinic import audit
from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.caller import actor_of, address_of, let_act
from dermaclinic.accounts.middleware import find_actor
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.accounts.tenancy import clinic_context

BACKGROUND = "X-Background"
_FETCHED_BY_THE_PAGE = ("image", "style", "script", "font", "manifest")
GRACE = timedelta(seconds=30)  # the browser, which says so first, tells of activity this often
_SEEN_EVERY = timedelta(seconds=5)


def minutes(request: HttpRequest) -> int:
    """After how many minutes this session ends, by the clinic that was chosen in it."""
    actor = actor_of(request)
    if actor is None:
        return ClinicSettings.IDLE_MINUTES
    known: dict[str, int] = request.__dict__
    if "idle_minutes" not in known:
        with clinic_context(actor.clinic_id):
            known["idle_minutes"] = clinic_settings.idle_minutes()
    return known["idle_minutes"]


def is_background(request: HttpRequest) -> bool:
    """Whether the page asks by itself, without a person."""
    fetched = request.headers.get("Sec-Fetch-Dest", "") in _FETCHED_BY_THE_PAGE
    return fetched or request.headers.get(BACKGROUND) == "true"


def sign_out(request: HttpRequest) -> None:
    """End this session for the pause in it, and record that."""
    _end(request, audit.idled_out)


def _end(request: HttpRequest, record: Callable[[Actor], None]) -> None:
    actor = find_actor(request)
    if actor is not None:
        with clinic_context(actor.clinic_id):
            record(actor)
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    auth.logout(request)
    let_act(request, None)


class IdleMiddleware:
    """Signs out who comes back too late; the view then finds nobody signed in.

    It stands below ActorMiddleware, whose actor is looked up only when first asked for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A call without a session's cookie, one with a token for instance, costs nothing here.
        if request.session.session_key and request.user.is_authenticated:
            _look(request)
        return self.get_response(request)


def _look(request: HttpRequest) -> None:
    now = timezone.now()
    began, seen = _times(request, now)
    if now > began + timedelta(seconds=settings.SESSION_COOKIE_AGE):
        _end(request, audit.signed_out)
    elif now > seen + timedelta(minutes=minutes(request)) + GRACE:
        sign_out(request)
    elif now > seen + _SEEN_EVERY and not is_background(request):
        # One statement: requests at the same time cannot undo each other's.
        rows = UserSession.objects.filter(session_key=request.session.session_key)
        rows.filter(last_seen_at__lt=now).update(last_seen_at=now)


def _times(request: HttpRequest, now: datetime) -> tuple[datetime, datetime]:
    """When somebody signed in, and when they were last seen.

    Django's own expiry moves with every save of the session, and the row beside it is a new one
    with every new key; the first proof stays.
    """
    rows = UserSession.objects.filter(session_key=request.session.session_key)
    began, seen = rows.values_list("created_at", "last_seen_at").first() or (now, None)
    proofs = get_authentication_records(request, request.user)
    if proofs:
        began = datetime.fromtimestamp(float(proofs[0]["at"]), UTC)
    if seen is not None:
        return began, seen
    length = UserSession._meta.get_field("user_agent").max_length
    UserSession.objects.get_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": request.user,
            # A call without an address came by a socket of this machine.
            "ip": address_of(request) or "127.0.0.1",
            "user_agent": request.headers.get("User-Agent", "")[:length],
        },
    )
    return began, now
