"""Blinded first: what a doctor may see of an opinion before a diagnosis is on record.

A wrong machine misleads even experts (Tschandl et al. 2020, doi:10.1038/s41591-020-0942-0). So a
clinic shows a doctor nothing of an opinion but urgent or routine until somebody has recorded an
assessment that covers the image; it may switch that off. Technicians, who judge nothing, and
scripts with a token of their own see what they always saw.

What opens an image is known on an upper floor, which adds its rule when it starts. Without one
everything stays closed.
"""

import uuid
from collections.abc import Callable, Collection, Iterable

from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Role
from dermaclinic.errors import DomainError
from imaging.models import Instance
from inference.models import Prediction, Status

# Of some images, the ids of those whose opinions are open to everybody.
opened_by: list[Callable[[Collection[Instance]], set[uuid.UUID]]] = []


class Veiled(DomainError):
    """The opinion is not open to this doctor yet."""

    status = 403
    slug = "veiled"
    title = _("This opinion is not open yet")


def down(actor: Actor) -> bool:
    """Is the actor one whose own diagnosis comes first? Call it in the clinic's context."""
    return actor.role == Role.DOCTOR and clinic_settings.blinded_first()


def hidden(actor: Actor, instances: Iterable[Instance]) -> set[uuid.UUID]:
    """The ids of those images of whose opinions the actor may know urgent or routine, no more.

    A constant number of queries; call it in the clinic's context.
    """
    given = list(instances)
    if not given or not down(actor):
        return set()
    opened = {pk for rule in opened_by for pk in rule(given)}
    return {each.pk for each in given} - opened


def is_hidden(actor: Actor, prediction: Prediction) -> bool:
    """Is there something in this opinion that the actor may not see yet?"""
    if prediction.status != Status.READY:
        return False
    return bool(hidden(actor, [prediction.instance]))


def require_open(actor: Actor, prediction: Prediction) -> None:
    """Veiled, and an event that survives, while the opinion is closed to the actor."""
    if is_hidden(actor, prediction):
        audit.denied(actor, verb="view", obj=prediction)
        raise Veiled(
            _("Record your own diagnosis of the lesion first. Then its opinion opens to you.")
        )
