"""Puts the actor on the request: which member, in which clinic, from where."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from dermaclinic.accounts import second_factor
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.caller import let_act
from dermaclinic.accounts.models import Membership
from dermaclinic.accounts.people import actor_for, memberships_of


def find_membership(request: HttpRequest) -> Membership | None:
    """Of the signed-in person in the clinic chosen at sign-in; None for everybody else."""
    user = request.user
    if not user.is_authenticated:
        return None
    memberships = memberships_of(user.pk)
    chosen = request.session.get("clinic")
    return memberships.filter(clinic_id=chosen).first() if chosen else memberships.first()


def find_actor(request: HttpRequest) -> Actor | None:
    """Who acts. Nobody does while a second factor that the role needs has not been shown."""
    found = find_membership(request)
    if found is None or second_factor.is_missing(request, found):
        return None
    return actor_for(request, found)


class ActorMiddleware:
    """`request.actor`, looked up when first used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        let_act(request, SimpleLazyObject(lambda: find_actor(request)))
        return self.get_response(request)
