"""The second factor: who needs one, and whether what somebody shows is theirs.

A time-based code (RFC 6238) is good for once: the last counter that was used is on record, and a
code of it or of an earlier one is refused (§ 5.2). A passkey's signature counter must grow where
the authenticator counts (WebAuthn level 2, § 7.2, step 21).
"""

import hmac
import time
import uuid
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import clinic_settings, factor_secrets, lockout, recovery_codes
from dermaclinic.accounts.caller import address_of
from dermaclinic.accounts.models import Membership, User
from dermaclinic.accounts.people import actors_of, clinics_of
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid

PERIOD = 30  # seconds of a code's life; one period of drift is allowed to each side
Kind = Authenticator.Type
FACTORS = (Kind.TOTP, Kind.WEBAUTHN)  # recovery codes only stand in for these


def has_any(user_id: uuid.UUID) -> bool:
    """Whether the person has enrolled a second factor."""
    return Authenticator.objects.filter(user_id=user_id, type__in=FACTORS).exists()


def is_required(membership: Membership) -> bool:
    """Whether the clinic asks this member's role for a second factor."""
    with clinic_context(membership.clinic_id):
        return membership.role in clinic_settings.mfa_roles()


def was_used(request: HttpRequest) -> bool:
    """Whether this session has seen a second factor, here or at the identity provider."""
    user = request.user
    if not user.is_authenticated:
        return False
    proofs = get_authentication_records(request, user)
    return any(each.get("method") == "mfa" for each in proofs)


def is_missing(request: HttpRequest, membership: Membership) -> bool:
    """Whether the session may not go on: the role needs a factor, and none has been shown."""
    return not was_used(request) and is_required(membership)


def check_code(request: HttpRequest, *, user: User, code: str, purpose: str) -> Authenticator:
    """A code of the person's app, or a recovery code, which is then used up.

    Raises Locked, and Invalid when the code is none of theirs or was used before; both are on
    record and counted like a wrong password.
    """
    lockout.require_open(request, user.email)
    typed = "".join(code.split())
    with transaction.atomic():
        rows = Authenticator.objects.select_for_update().filter(user=user)
        found = next(
            (row for row in rows.exclude(type=Kind.WEBAUTHN) if _is_code_of(row, typed)), None
        )
        if found is not None:
            _used(request, user, found, purpose)
            return found
    _failed(request, user, "code", purpose)
    raise Invalid(_("This code does not fit. Wait for the next one, then try again."))


def check_passkey(
    request: HttpRequest, *, user: User, credential: dict[str, Any], purpose: str
) -> Authenticator:
    """A passkey of the person's that signed this session's challenge.

    `purpose` "door" asks the authenticator to have checked the person, too: it is the only proof.
    Raises Invalid; what did not fit is on record, but not counted: there is nothing to guess.
    """
    try:
        response = webauthn.parse_authentication_response(credential)
        data = response.response.authenticator_data
        found = webauthn.complete_authentication(user, credential)
        if purpose == "door" and not data.is_user_verified():
            raise Invalid(_("This passkey did not check who you are."))
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().get(pk=found.pk)
            _count(row, data.counter)
            _used(request, user, row, purpose)
    except (ValidationError, Invalid, Authenticator.DoesNotExist) as error:
        _failed(request, user, str(Kind.WEBAUTHN), purpose)
        raise Invalid(_("This passkey does not fit. Please try again.")) from error
    finally:
        webauthn.clear_state()  # a challenge is answered once, rightly or not
    return row


def _is_code_of(row: Authenticator, typed: str) -> bool:
    if row.type == Kind.RECOVERY_CODES:
        return recovery_codes.use(row, typed)
    counter = matching_counter(factor_secrets.opened(row), typed, after=row.data["last"])
    if counter is None:
        return False
    row.data = {**row.data, "last": counter}
    row.save(update_fields=["data"])
    return True


def matching_counter(secret: str, typed: str, *, after: int = 0) -> int | None:
    """The counter, later than `after`, whose code was typed within its time; None for no such."""
    now = int(time.time()) // PERIOD
    for counter in (now - 1, now, now + 1):
        expected = format_hotp_value(hotp_value(secret, counter))
        if counter > after and hmac.compare_digest(expected.encode(), typed.encode()):
            return counter
    return None


def _count(row: Authenticator, counter: int) -> None:
    before = row.data.get("counter", 0)
    if (counter or before) and counter <= before:
        raise Invalid(_("This passkey may have been copied."))
    row.data = {**row.data, "counter": counter}
    row.save(update_fields=["data"])


def _used(request: HttpRequest, user: User, row: Authenticator, purpose: str) -> None:
    row.record_usage()
    for actor in actors_of(request, user):
        with clinic_context(actor.clinic_id):
            if row.type == Kind.RECOVERY_CODES:
                audit.used_recovery_code(actor, left=recovery_codes.left(row), purpose=purpose)
            else:
                audit.used_factor(actor, kind=str(row.type), purpose=purpose)


def _failed(request: HttpRequest, user: User, kind: str, purpose: str) -> None:
    address, clinics = address_of(request), clinics_of(user)
    audit.factor_failed(
        address=address, account=user.pk, clinics=clinics, kind=kind, purpose=purpose
    )
    if kind == "code" and lockout.failed(request, user.email):
        audit.locked_out(address=address, account=user.pk, clinics=clinics)
