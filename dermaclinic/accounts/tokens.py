"""API tokens: made by a member for themselves, revoked by them or an administrator."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies, scopes
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ApiToken, Membership, Scope
from dermaclinic.accounts.people import actor_for
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound

LIFETIMES = (7, 30, 90, 180, 365)  # days
AT_THE_DOOR = timedelta(hours=12)


def of_member(actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own tokens in this clinic, the newest first."""
    return _of_clinic(actor).filter(membership__user=actor.person)


def of_clinic(actor: Actor) -> QuerySet[ApiToken]:
    """All tokens of the clinic's members, the newest first. Raises Forbidden."""
    policies.require(actor, "view", ApiToken)
    return _of_clinic(actor)


def _of_clinic(actor: Actor) -> QuerySet[ApiToken]:
    found = ApiToken.objects.filter(membership__clinic_id=actor.clinic_id)
    return found.select_related("membership__user").order_by("-created_at")


def issue(*, actor: Actor, name: str, wanted: Sequence[str], days: int) -> tuple[ApiToken, str]:
    """A new token and its text, which is told this once.

    Raises Forbidden, Invalid: scopes that the role cannot use are refused.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", ApiToken)
        membership = _own_membership(actor)
        _check(actor, name, wanted, days)
        token, text = ApiToken.issue(
            membership,
            name=name.strip(),
            scopes=[scope.value for scope in Scope if scope in wanted],
            expires_at=timezone.now() + timedelta(days=days),
        )
        audit.issued_token(actor, token)
    return token, text


def issue_at_door(request: HttpRequest, membership: Membership) -> str:
    """A token of all scopes for half a day, for somebody who has just shown their password."""
    actor = actor_for(request, membership)
    with clinic_context(actor.clinic_id):
        token, text = ApiToken.issue(
            _own_membership(actor),
            name=str(_("signed in by script")),
            expires_at=timezone.now() + AT_THE_DOOR,
        )
        audit.signed_in(actor, how="token")
        audit.issued_token(actor, token)
    return text


def _own_membership(actor: Actor) -> Membership:
    """Locked, so that a deactivation cannot miss the token."""
    rows = Membership.objects.select_for_update()
    found = rows.filter(user=actor.person, clinic_id=actor.clinic_id, is_active=True).first()
    if found is None:
        raise Forbidden(_("You are no longer a member of this clinic."))
    return found


def _check(actor: Actor, name: str, wanted: Sequence[str], days: int) -> None:
    errors: dict[str, list[StrOrPromise]] = {}
    if not 0 < len(name.strip()) <= ApiToken.NAME_LENGTH:
        errors["name"] = [_("Give the token a name of up to 80 characters.")]
    if not wanted or not set(wanted) <= set(scopes.useful(actor.role)):
        errors["scopes"] = [_("Choose at least one of these.")]
    if days not in LIFETIMES:
        errors["days"] = [_("Choose how long the token lasts.")]
    if errors:
        raise Invalid(_("Some fields need your attention."), errors=errors)


def revoke(*, actor: Actor, token_id: uuid.UUID, own: bool = False) -> ApiToken:
    """End a token of the clinic's, as an administrator, or with `own` one of the actor's.

    Raises NotFound, Forbidden; Conflict when it has been revoked before.
    """
    with clinic_context(actor.clinic_id):
        if not own:
            policies.require(actor, "revoke", ApiToken)
        rows = of_member(actor) if own else _of_clinic(actor)
        token = rows.select_for_update(of=("self",)).filter(pk=token_id).first()
        if token is None:
            audit.not_found(actor, verb="revoke", model=ApiToken, lookup={"pk": token_id})
            raise NotFound
        if token.revoked_at is not None:
            raise Conflict(_("This token has been revoked before."))
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        audit.revoked_token(actor, token)
    return token


def revoke_all(membership: Membership) -> int:
    """End all tokens of a membership; how many there were. Call in its clinic's context."""
    rows = ApiToken.objects.filter(membership=membership, revoked_at=None)
    return rows.update(revoked_at=timezone.now())


def end_all(actor: Actor, membership: Membership) -> None:
    """End each token of a membership that still holds, on record one by one.

    Call in its clinic's context, in the transaction of what ends them: a new password for one.
    """
    Membership.objects.select_for_update().get(pk=membership.pk)  # none can be missed
    rows = ApiToken.objects.filter(membership=membership, revoked_at=None)
    now = timezone.now()
    for token in rows.filter(expires_at__gt=now).select_for_update():
        token.revoked_at = now
        token.save(update_fields=["revoked_at"])
        audit.revoked_token(actor, token)
