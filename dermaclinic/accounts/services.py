"""Signing in and out, and making clinics and members."""

from django.contrib.auth import authenticate, password_validation
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import lockout, second_factor
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.caller import address_of
from dermaclinic.accounts.models import Clinic, Membership, User
from dermaclinic.accounts.people import actor_for, actors_of, clinics_of, memberships_of
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid


def check_password(request: HttpRequest, *, email: str, password: str) -> User:
    """The person whose e-mail and password these are, and who works somewhere.

    Raises Locked; Invalid, with an event, when they are nobody's. Neither tells whether the account
    exists: the sentence is the same, and an unknown account costs a hash, too.
    """
    try:
        lockout.require_open(request, email)
    except lockout.Locked:
        _record_failure(request, email, locked=True)
        raise
    user = authenticate(request, username=email, password=password)
    if isinstance(user, User) and memberships_of(user.pk).exists():
        return user
    _record_failure(request, email)
    raise Invalid(_("E-mail and password do not fit together. Please try again."))


def check_credentials(
    request: HttpRequest, *, email: str, password: str, otp: str = ""
) -> Membership:
    """The person's first active membership by clinic, for a caller without pages.

    Who has a second factor, or needs one, also sends `otp`: a code of the app or a recovery code.
    Raises Locked; Invalid, with an event.
    """
    user = check_password(request, email=email, password=password)
    membership = memberships_of(user.pk).first()
    assert membership is not None  # check_password has seen one
    if second_factor.has_any(user.pk):
        if not otp:
            raise _needs_otp(_("This account has a second factor: send its code as otp."))
        second_factor.check_code(request, user=user, code=otp, purpose="token")
    elif second_factor.is_required(membership):
        raise _needs_otp(
            _("This account needs a second factor. Sign in to the pages and set one up.")
        )
    lockout.forget(request, email)
    return membership


def _needs_otp(sentence: StrOrPromise) -> Invalid:
    return Invalid(sentence, errors={"otp": [sentence]})


def confirm_password(request: HttpRequest, *, user: User, password: str) -> None:
    """Ask somebody signed in for their password again. Raises Locked; Invalid, with an event."""
    lockout.require_open(request, user.email)
    if not user.check_password(password):
        address, clinics = address_of(request), clinics_of(user)
        audit.confirmation_failed(address=address, account=user.pk, clinics=clinics)
        if lockout.failed(request, user.email):
            audit.locked_out(address=address, account=user.pk, clinics=clinics)
        raise Invalid(_("This is not your password. Please try again."))
    for actor in actors_of(request, user):
        with clinic_context(actor.clinic_id):
            audit.confirmed_identity(actor, how="password")


def _record_failure(request: HttpRequest, email: str, *, locked: bool = False) -> None:
    known = User.objects.filter(email=email.strip().lower()).first()
    address, account, clinics = address_of(request), known.pk if known else None, clinics_of(known)
    audit.sign_in_failed(address=address, account=account, clinics=clinics, locked=locked)
    if not locked and lockout.locks(request, email):
        audit.locked_out(address=address, account=account, clinics=clinics)


def record_sign_in(request: HttpRequest, membership: Membership, *, how: str) -> None:
    """Write the event of a sign-in to the pages (`how`: password, webauthn, provider)."""
    with clinic_context(membership.clinic_id):
        audit.signed_in(actor_for(request, membership), how=how)


def record_sign_out(actor: Actor) -> None:
    """Write the event of a sign-out."""
    with clinic_context(actor.clinic_id):
        audit.signed_out(actor)


def create_clinic(*, name: str, synthetic: bool = False) -> Clinic:
    """A new tenant. The web role may not; the command `create_clinic` connects as the owner."""
    return Clinic.objects.create(name=name, synthetic=synthetic)


def create_member(
    *, clinic: Clinic, email: str, full_name: str, password: str, role: str
) -> Membership:
    """A person in a clinic; ValidationError when the password is weak."""
    user = User(email=email, full_name=full_name)
    password_validation.validate_password(password, user)
    with transaction.atomic():
        user = User.objects.create_user(email, password, full_name=full_name)
        return Membership.objects.create(user=user, clinic=clinic, role=role)
