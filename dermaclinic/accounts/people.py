"""A person across clinics: where they work, and the actor they are there."""

import uuid

from django.db.models import QuerySet
from django.http import HttpRequest

from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.caller import address_of, request_id_of
from dermaclinic.accounts.models import Membership, User


def memberships_of(user_id: uuid.UUID) -> QuerySet[Membership]:
    """The clinics where somebody works, by name."""
    active = Membership.objects.filter(user_id=user_id, is_active=True)
    return active.select_related("clinic", "user").order_by("clinic__name")


def clinics_of(user: User | None) -> list[uuid.UUID]:
    """The ids of these clinics; none for nobody."""
    return [each.clinic_id for each in memberships_of(user.pk)] if user else []


def actor_for(request: HttpRequest, membership: Membership) -> Actor:
    """The actor that this request acts as in a clinic."""
    return member_actor(membership, address=address_of(request), request_id=request_id_of(request))


def actors_of(request: HttpRequest, user: User) -> list[Actor]:
    """The person as an actor in each of their clinics, for what concerns the account itself."""
    return [actor_for(request, each) for each in memberships_of(user.pk)]
