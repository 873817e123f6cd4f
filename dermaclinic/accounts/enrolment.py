"""Second factors of one's own: adding, removing, and recovery codes. Pages ask for a factor, or for
the password while there is none, before they come here (`web.account_holder`).
"""

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import clear_totp_secret, get_totp_secret
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import factor_secrets, recovery_codes, second_factor, sessions
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import User
from dermaclinic.accounts.people import actors_of, memberships_of
from dermaclinic.accounts.second_factor import Kind
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid, NotFound

PASSKEYS = 10  # of one person


def factors(user: User) -> list[Authenticator]:
    """What somebody has enrolled, the oldest first, without the recovery codes."""
    rows = Authenticator.objects.filter(user=user, type__in=second_factor.FACTORS)
    return list(rows.order_by("created_at"))


def codes_left(user: User) -> int | None:
    """How many recovery codes are left; None when there are none to use."""
    row = Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).first()
    return recovery_codes.left(row) if row else None


def pending_secret() -> str:
    """The secret that this session is about to enrol, in base32; made when there is none."""
    return str(get_totp_secret())


def add_totp(request: HttpRequest, *, user: User, code: str) -> list[str]:
    """Enrol the app that shows this code for the pending secret; new recovery codes, if any.

    Raises Invalid for a wrong code, Conflict when there is an app already.
    """
    secret = pending_secret()
    counter = second_factor.matching_counter(secret, "".join(code.split()))
    if counter is None:
        raise Invalid(_("This code does not fit. Look at the clock of the device, and try again."))
    data = {"secret": factor_secrets.sealed(user.pk, secret), "last": counter}
    with transaction.atomic():
        _lock(user)
        if Authenticator.objects.filter(user=user, type=Kind.TOTP).exists():
            raise Conflict(_("You have an app already. Remove it first."))
        made = Authenticator.objects.create(user=user, type=Kind.TOTP, data=data)
        codes = _added(request, user, made)
    clear_totp_secret(request)
    return codes


def add_passkey(
    request: HttpRequest, *, user: User, name: str, credential: dict[str, Any]
) -> list[str]:
    """Enrol a passkey that signed this session's challenge. Returns new recovery codes, if any.

    Raises Invalid when it does not fit, Conflict for more than PASSKEYS.
    """
    try:
        webauthn.parse_registration_response(credential)
        binding = webauthn.complete_registration(credential)
    except (ValidationError, KeyError, ValueError) as error:
        raise Invalid(_("This passkey could not be read. Please try again.")) from error
    finally:
        webauthn.clear_state()
    data = {"name": name, "credential": credential, "counter": binding.counter}
    with transaction.atomic():
        _lock(user)
        if Authenticator.objects.filter(user=user, type=Kind.WEBAUTHN).count() >= PASSKEYS:
            raise Conflict(_("Ten passkeys are enough. Remove one first."))
        made = Authenticator.objects.create(user=user, type=Kind.WEBAUTHN, data=data)
        return _added(request, user, made)


def remove(request: HttpRequest, *, user: User, factor_id: int) -> None:
    """Remove a factor of one's own; with the last one the recovery codes go, too.

    Raises NotFound; Conflict when it is the last one and the role needs one.
    """
    with transaction.atomic():
        _lock(user)
        rows = Authenticator.objects.filter(user=user, type__in=second_factor.FACTORS)
        found = rows.filter(pk=factor_id).first()
        if found is None:
            raise NotFound
        is_last = rows.count() == 1
        if is_last and any(second_factor.is_required(each) for each in memberships_of(user.pk)):
            raise Conflict(_("Your role needs a second factor. Add another one first."))
        kind = str(found.type)
        found.delete()
        if is_last:
            Authenticator.objects.filter(user=user).delete()
        _tell(request, user, lambda actor: audit.removed_factor(actor, kind=kind))


def renew_codes(request: HttpRequest, *, user: User) -> list[str]:
    """Ten new recovery codes, shown this once; the former ones are void.

    Raises Conflict while there is no factor that they could stand in for.
    """
    with transaction.atomic():
        _lock(user)
        if not second_factor.has_any(user.pk):
            raise Conflict(_("Recovery codes stand in for a second factor. Add one first."))
        codes = recovery_codes.renew(user)
        _tell(request, user, audit.renewed_recovery_codes)
    return codes


def _added(request: HttpRequest, user: User, made: Authenticator) -> list[str]:
    """Enrolling proves possession: the session counts as having shown the factor.

    Sessions that began without any factor end with the first one: none has shown it.
    """
    _tell(request, user, lambda actor: audit.added_factor(actor, kind=str(made.type)))
    if len(factors(user)) == 1:
        ended = sessions.end_all(user, but=request.session.session_key or "")
        if ended:
            _tell(request, user, lambda actor: audit.ended_sessions(actor, count=ended))
    record_authentication(request, user, method="mfa", id=made.pk, type=str(made.type))
    if codes_left(user) is not None:
        return []
    _tell(request, user, audit.renewed_recovery_codes)
    return recovery_codes.renew(user)


def _lock(user: User) -> None:
    User.objects.select_for_update().get(pk=user.pk)


def _tell(request: HttpRequest, user: User, write: Callable[[Actor], None]) -> None:
    for actor in actors_of(request, user):
        with clinic_context(actor.clinic_id):
            write(actor)
