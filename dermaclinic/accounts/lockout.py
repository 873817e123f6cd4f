"""How often somebody may guess: wrong passwords and codes counted by django-axes.

Two counts: of one account from one address (AXES_FAILURE_LIMIT), and of one account from wherever
(ACCOUNT_FAILURE_LIMIT, larger: a stranger shall not lock a doctor out too easily). Unknown accounts
are counted in the same way, so that a lock does not tell which accounts there are.

The table holds no e-mail address, since people type passwords there, but a keyed digest of it.
"""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.caller import address_of
from dermaclinic.errors import DomainError

Credentials = dict[str, Any]


class Locked(DomainError):
    """Too many wrong guesses; the same whether there is such an account or not."""

    status = 429
    slug = "locked"
    title = _("Too many attempts")

    def __init__(self) -> None:
        super().__init__(
            _(
                "There were too many wrong attempts. Please wait 15 minutes, then try again. "
                "A passkey still opens the door."
            )
        )


def require_open(request: HttpRequest, email: str) -> None:
    """Raise Locked while the account may not be guessed at from here."""
    if not AxesProxyHandler.is_allowed(request, {"username": email}):
        raise Locked


def failed(request: HttpRequest, email: str) -> bool:
    """Count one wrong code; True if this was the guess that locks.

    Wrong passwords are counted by Django's own `authenticate`, see `locks`.
    """
    AxesProxyHandler.user_login_failed(__name__, {"username": email}, request)
    return locks(request, email)


def locks(request: HttpRequest, email: str) -> bool:
    """Whether the account is locked from here by now."""
    return not AxesProxyHandler.is_allowed(request, {"username": email})


def caller_of(actor: Actor) -> HttpRequest:
    """What is counted for a service that knows an actor and no request: the same address."""
    made = HttpRequest()
    made.META["REMOTE_ADDR"] = actor.address
    return made


def forget(request: HttpRequest, email: str) -> None:
    """After a success without a session: what went wrong from this address counts no more.

    Django's `login` does the same for the pages.
    """
    AxesProxyHandler.get_implementation().reset_user_attempts(request, {"username": email})


def account_key(request: HttpRequest, credentials: Credentials | None = None) -> str:
    """What stands for an account in the counts: HMAC-SHA256 of the e-mail in lower case, in hex."""
    given = credentials or {}
    email = str(given.get("username") or given.get("email") or "").strip().lower()
    return salted_hmac("dermaclinic.accounts.lockout", email, algorithm="sha256").hexdigest()


def client_address(request: HttpRequest) -> str | None:
    """The address that is counted; None for a request without one."""
    return address_of(request) or None


class Handler(AxesDatabaseHandler):
    """Counts in the database, with a limit of its own for each of the two counts."""

    def is_locked(self, request: HttpRequest, credentials: Credentials | None = None) -> bool:
        """Whether either count has reached its limit within the cool-off time."""
        limits = (settings.AXES_FAILURE_LIMIT, settings.ACCOUNT_FAILURE_LIMIT)
        attempts = self.get_user_attempts(request, credentials)
        counts = [each.aggregate(n=Sum("failures_since_start"))["n"] or 0 for each in attempts]
        return any(count >= limit for count, limit in zip(counts, limits, strict=True))

    def user_login_failed(
        self,
        sender: Any,
        credentials: Credentials,
        request: HttpRequest | None = None,
        **kwargs: Any,
    ) -> None:
        """Count one wrong guess. While locked nothing is counted, so that the lock ends."""
        if request is None or self.is_locked(request, credentials):
            return
        self.clean_expired_user_attempts(request, credentials)
        with transaction.atomic():
            attempt, _made = AccessAttempt.objects.select_for_update().get_or_create(
                username=account_key(request, credentials),
                ip_address=client_address(request),
                user_agent="",  # of the caller's choosing: it would only spread the counts
                defaults={"failures_since_start": 0},
            )
            attempt.failures_since_start = F("failures_since_start") + 1
            attempt.attempt_time = timezone.now()
            attempt.save(update_fields=["failures_since_start", "attempt_time"])

    def reset_user_attempts(
        self, request: HttpRequest, credentials: Credentials | None = None
    ) -> int:
        """After a success: forget what this address got wrong, but not what others did."""
        here, _anywhere = self.filter_user_attempts(request, credentials)
        return int(here.delete()[0])
