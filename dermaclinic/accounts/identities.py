"""Whom an identity provider vouches for, and as what they come in.

Settings: OIDC_CLINIC, the one clinic that the provider speaks for; OIDC_ROLE_CLAIM and OIDC_ROLES,
which value of which claim means which role. Without a claim, roles are the clinic's own affair.
"""

from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from dermaclinic import audit
from dermaclinic.accounts import members
from dermaclinic.accounts.caller import address_of
from dermaclinic.accounts.models import Membership, User
from dermaclinic.accounts.people import actor_for, actors_of, clinics_of, memberships_of
from dermaclinic.accounts.tenancy import clinic_context


class Refused(Exception):
    """Somebody may not come in this way. `reason` is a word for the audit, never for the person."""

    def __init__(self, reason: str, user: User | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.user = user


def admit(request: HttpRequest, *, provider: str, claims: Mapping[str, Any]) -> User:
    """The member behind checked claims; tied to the subject at the first time. Raises Refused."""
    subject = str(claims["sub"])
    with transaction.atomic():
        linked = SocialAccount.objects.filter(provider=provider, uid=subject).first()
        user = User.objects.get(pk=linked.user_id) if linked else _by_email(provider, claims)
        membership = memberships_of(user.pk).filter(clinic_id=settings.OIDC_CLINIC).first()
        if membership is None or not user.is_active:
            raise Refused("no member", user)
        role = _role(claims, user)
        if linked is None:
            SocialAccount.objects.create(user=user, provider=provider, uid=subject)
            for actor in actors_of(request, user):
                with clinic_context(actor.clinic_id):
                    audit.linked_identity(actor, provider=provider)
        if role and role != membership.role:
            _give(request, membership, role)
    return user


def _by_email(provider: str, claims: Mapping[str, Any]) -> User:
    if claims.get("email_verified") is not True:
        raise Refused("e-mail not verified")
    user = User.objects.filter(email=str(claims.get("email", "")).strip().lower()).first()
    if user is None:
        raise Refused("nobody by this e-mail")
    User.objects.select_for_update().get(pk=user.pk)
    if SocialAccount.objects.filter(provider=provider, user=user).exists():
        raise Refused("another subject has this account", user)
    return user


def _role(claims: Mapping[str, Any], user: User) -> str:
    """The first of OIDC_ROLES that the claim names; empty when roles are not mapped."""
    if not settings.OIDC_ROLE_CLAIM:
        return ""
    found: Any = claims
    for part in settings.OIDC_ROLE_CLAIM.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    named = {found} if isinstance(found, str) else set(found or ())
    for value, role in settings.OIDC_ROLES.items():
        if value in named:
            return str(role)
    raise Refused("no role", user)


def _give(request: HttpRequest, membership: Membership, role: str) -> None:
    """Raises Refused where it would leave the clinic without an administrator."""
    with clinic_context(membership.clinic_id):
        administrators = members.locked_administrators(membership.clinic_id)
        rows = Membership.objects.select_for_update(of=("self",)).select_related("user")
        found = rows.get(pk=membership.pk)
        before = found.role
        if role == before:
            return
        if [each.pk for each in administrators] == [found.pk]:
            raise Refused("last administrator", found.user)
        found.role = role
        found.save(update_fields=["role"])
        audit.mapped_role(actor_for(request, found), found, before=before)


def record_refusal(request: HttpRequest, refused: Refused) -> None:
    """Write that somebody was turned away: to the account's clinics, else to the provider's."""
    user = refused.user
    audit.identity_refused(
        address=address_of(request),
        account=user.pk if user else None,
        clinics=clinics_of(user) or [settings.OIDC_CLINIC],
        reason=refused.reason,
    )


def record_confirmation(request: HttpRequest, user: User) -> None:
    """Write that somebody signed in proved anew, at the provider, who they are."""
    for actor in actors_of(request, user):
        with clinic_context(actor.clinic_id):
            audit.confirmed_identity(actor, how="provider")
