"""Who belongs to a clinic: seen, given another role, deactivated and reactivated.

Nobody changes their own membership, and a clinic keeps an active administrator: both are looked at
after the rows of all its administrators are locked, so that two at once cannot undo each other.
"""

import uuid

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies, second_factor, sessions, tokens
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Membership, Role
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Forbidden, Invalid

_ADMINISTRATOR = Role.ADMINISTRATOR.value


def of_clinic(actor: Actor) -> QuerySet[Membership]:
    """The clinic's members, active ones first; `has_factor` says whether they enrolled one."""
    policies.require(actor, "view", Membership)
    factors = Authenticator.objects.filter(user=OuterRef("user_id"), type__in=second_factor.FACTORS)
    rows = policies.visible(actor, Membership.objects.select_related("user"))
    return rows.annotate(has_factor=Exists(factors)).order_by("-is_active", "user__full_name")


def member(actor: Actor, membership_id: uuid.UUID) -> Membership:
    """One member. Raises NotFound, Forbidden."""
    rows = Membership.objects.select_related("user")
    return policies.find(actor, "view", rows, pk=membership_id)


def change_role(*, actor: Actor, membership_id: uuid.UUID, role: str) -> Membership:
    """Give a member another role, in force with their next request; the same changes nothing.

    Raises NotFound, Forbidden, Invalid; Conflict for the last administrator.
    """
    with clinic_context(actor.clinic_id):
        found = _locked(actor, membership_id)
        if role not in Role.values:
            sentence = _("Choose among the roles.")
            raise Invalid(sentence, errors={"role": [sentence]})
        before = found.role
        if role == before:
            return found
        found.role = role
        found.save(update_fields=["role"])
        audit.changed_role(actor, found, before=before)
    return found


def deactivate(*, actor: Actor, membership_id: uuid.UUID) -> Membership:
    """End a member's access to this clinic at once: sessions and tokens, too.

    Raises NotFound, Forbidden; Conflict for the last administrator, and when it was done before.
    """
    with clinic_context(actor.clinic_id):
        found = _locked(actor, membership_id)
        if not found.is_active:
            raise Conflict(_("This member is not active."))
        found.is_active = False
        found.save(update_fields=["is_active"])
        revoked = tokens.revoke_all(found)
        ended = sessions.end_in_clinic(found)
        audit.deactivated_member(actor, found, sessions=ended, tokens=revoked)
    return found


def reactivate(*, actor: Actor, membership_id: uuid.UUID) -> Membership:
    """Let a former member in again, in the role they had. Former tokens stay revoked.

    Raises NotFound, Forbidden; Conflict when the member is active.
    """
    with clinic_context(actor.clinic_id):
        found = _locked(actor, membership_id)
        if found.is_active:
            raise Conflict(_("This member is active."))
        found.is_active = True
        found.save(update_fields=["is_active"])
        audit.reactivated_member(actor, found)
    return found


def locked_administrators(clinic_id: uuid.UUID) -> list[Membership]:
    """The clinic's active administrators. Who changes a role or a membership waits here."""
    rows = Membership.objects.select_for_update().filter(clinic_id=clinic_id)
    return list(rows.filter(role=_ADMINISTRATOR, is_active=True).order_by("pk"))


def _locked(actor: Actor, membership_id: uuid.UUID) -> Membership:
    """The membership to be changed. All changes in a clinic wait for each other here."""
    policies.require(actor, "change", Membership)
    rows = Membership.objects.select_for_update().filter(clinic_id=actor.clinic_id)
    administrators = locked_administrators(actor.clinic_id)
    if not any(each.user_id == actor.person.pk for each in administrators):
        # Somebody else's change, which this one waited for.
        raise Forbidden(_("You are no longer an administrator of this clinic."))
    found = policies.find(actor, "change", rows, pk=membership_id)
    if [each.pk for each in administrators] == [found.pk]:
        raise Conflict(_("This is the clinic's last administrator. Name another one first."))
    if found.user_id == actor.person.pk:
        audit.denied(actor, verb="change", obj=found)
        raise Forbidden(_("Nobody changes their own role. Ask another administrator."))
    return found
