"""The only way into a clinic: an administrator's invitation, a link that holds for a week."""

import secrets
import uuid
from dataclasses import dataclass

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.models import ApiToken, Invitation, Membership, Role, User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True)
class Place:
    """An invitation that holds, and the account of the invited person, if there is one."""

    invitation: Invitation
    user: User | None


def open_ones(actor: Actor) -> QuerySet[Invitation]:
    """The clinic's invitations that nobody has taken or withdrawn, expired ones included."""
    rows = Invitation.objects.select_related("invited_by")
    return policies.visible(actor, rows.filter(accepted_at=None, withdrawn_at=None))


def invite(*, actor: Actor, email: str, role: str) -> tuple[Invitation, str]:
    """Invite somebody by e-mail; the invitation and its link's token, which is told this once.

    An expired invitation gives way. Raises Forbidden, Invalid; Conflict for a member or for
    somebody who has an open invitation.
    """
    address = email.strip().lower()
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Invitation)
        _check(address, role)
        if Membership.objects.filter(clinic_id=actor.clinic_id, user__email=address).exists():
            raise _taken(_("This person is a member already, or was: look at the members."))
        _withdraw_expired(actor, address)
        text = secrets.token_urlsafe(32)
        made = Invitation(
            clinic_id=actor.clinic_id,
            email=address,
            role=role,
            digest=ApiToken.digest_of(text),
            invited_by=actor.person,
            expires_at=timezone.now() + Invitation.LIFETIME,
        )
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            sentence = _("This person has an open invitation. Withdraw it to make another one.")
            raise _taken(sentence) from error
        audit.invited_member(actor, made)
    return made, text


def _check(address: str, role: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid(str(error.message), errors={"email": [str(error.message)]}) from error
    if role not in Role.values:
        sentence = _("Choose among the roles.")
        raise Invalid(sentence, errors={"role": [sentence]})


def _taken(sentence: StrOrPromise) -> Conflict:
    return Conflict(sentence, errors={"email": [sentence]})


def _withdraw_expired(actor: Actor, address: str) -> None:
    now = timezone.now()
    rows = Invitation.objects.select_for_update().filter(
        email=address, accepted_at=None, withdrawn_at=None, expires_at__lte=now
    )
    for each in rows:
        _withdraw(actor, each)


def withdraw(*, actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """Take an invitation back. Raises NotFound, Forbidden; Conflict when it has been taken."""
    with clinic_context(actor.clinic_id):
        rows = Invitation.objects.select_for_update()
        found = policies.find(actor, "withdraw", rows, pk=invitation_id)
        if found.accepted_at or found.withdrawn_at:
            raise Conflict(_("This invitation is no longer open."))
        _withdraw(actor, found)
    return found


def _withdraw(actor: Actor, invitation: Invitation) -> None:
    invitation.withdrawn_at = timezone.now()
    invitation.save(update_fields=["withdrawn_at"])
    audit.withdrew_invitation(actor, invitation)


def place(*, clinic_id: uuid.UUID, token: str) -> Place:
    """What a link leads to. Raises NotFound when it holds no longer, or never did."""
    with clinic_context(clinic_id):
        return _place(clinic_id, token)


def _place(clinic_id: uuid.UUID, token: str, *, lock: bool = False) -> Place:
    holds = Q(accepted_at=None, withdrawn_at=None, expires_at__gt=timezone.now())
    rows = Invitation.objects.filter(holds, clinic_id=clinic_id)
    rows = rows.select_for_update(of=("self",)) if lock else rows
    found = rows.select_related("clinic").filter(digest=ApiToken.digest_of(token)).first()
    if found is None:
        raise NotFound(
            _("This invitation no longer holds. Ask the clinic's administrator for a new one.")
        )
    return Place(found, User.objects.filter(email=found.email).first())


def accept_as_new(
    *, clinic_id: uuid.UUID, token: str, full_name: str, password: str, address: str = ""
) -> Membership:
    """Take the place as somebody who has no account yet.

    Raises NotFound; Invalid for an empty name or a weak password; Conflict when there is an
    account by now.
    """
    with clinic_context(clinic_id):
        found = _place(clinic_id, token, lock=True)
        if found.user is not None:
            raise Conflict(_("There is an account with this e-mail. Join with its password."))
        name = " ".join(full_name.split())
        if not 0 < len(name) <= User.NAME_LENGTH:
            sentence = _("Give your full name.")
            raise Invalid(sentence, errors={"full_name": [sentence]})
        user = User(email=found.invitation.email, full_name=name)
        try:
            password_validation.validate_password(password, user)
        except ValidationError as error:
            raise Invalid(
                _("Please choose another password."), errors={"password": [*error.messages]}
            ) from error
        user.set_password(password)
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(_("There is an account with this e-mail by now.")) from error
        return _join(found.invitation, user, address)


def accept_as(*, clinic_id: uuid.UUID, token: str, user: User, address: str = "") -> Membership:
    """Take the place as the person whose account this is, who has just proved it.

    Raises NotFound, also when the invitation is somebody else's.
    """
    with clinic_context(clinic_id):
        found = _place(clinic_id, token, lock=True)
        if found.user is None or found.user.pk != user.pk or not user.is_active:
            raise NotFound(_("This invitation is for somebody else."))
        return _join(found.invitation, user, address)


def _join(invitation: Invitation, user: User, address: str) -> Membership:
    made = Membership(user=user, clinic_id=invitation.clinic_id, role=invitation.role)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(_("You are a member of this clinic already.")) from error
    invitation.accepted_at = timezone.now()
    invitation.accepted_by = user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    audit.joined_clinic(member_actor(made, address=address), made, invitation=invitation)
    return made
