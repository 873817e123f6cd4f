"""Signing in and out, and making clinics and members."""

from django.contrib.auth import authenticate, password_validation
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.middleware import address_of, request_id_of
from dermaclinic.accounts.models import ApiToken, Clinic, Membership, User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid


def check_credentials(request: HttpRequest, *, email: str, password: str) -> Membership:
    """The first active membership of the person; Invalid, and an event, when nobody fits.

    The sentence does not tell whether the account exists.
    """
    user = authenticate(request, username=email, password=password)
    membership = (
        Membership.objects.select_related("user", "clinic")
        .filter(user_id=user.pk, is_active=True)
        .order_by("clinic__name")
        .first()
        if user
        else None
    )
    if membership is None:
        _record_failure(request, email)
        raise Invalid(_("E-mail and password do not fit together. Please try again."))
    return membership


def _record_failure(request: HttpRequest, email: str) -> None:
    known = User.objects.filter(email=email.strip().lower()).first()
    clinics = Membership.objects.filter(user=known, is_active=True) if known else None
    audit.sign_in_failed(
        address=address_of(request),
        account=known.pk if known else None,
        clinics=list(clinics.values_list("clinic_id", flat=True)) if clinics is not None else [],
    )


def actor_for(request: HttpRequest, membership: Membership) -> Actor:
    """The actor that this request acts as from now on."""
    return member_actor(membership, address=address_of(request), request_id=request_id_of(request))


def record_sign_in(request: HttpRequest, membership: Membership) -> None:
    """Write the event of a sign-in to the pages."""
    with clinic_context(membership.clinic_id):
        audit.signed_in(actor_for(request, membership), how="password")


def record_sign_out(actor: Actor) -> None:
    """Write the event of a sign-out."""
    with clinic_context(actor.clinic_id):
        audit.signed_out(actor)


def issue_token(request: HttpRequest, membership: Membership) -> str:
    """A new API token for a membership; its text is shown once and kept as a hash only."""
    actor = actor_for(request, membership)
    with clinic_context(actor.clinic_id):
        token, text = ApiToken.issue(membership)
        audit.signed_in(actor, how="token")
        audit.issued_token(actor, token)
    return text


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
