"""A change of which model answers: under one lock, kept for good, told to each clinic's audit.

Call everything here inside one transaction.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dermaclinic.accounts.actor import Actor, system_actor
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound
from inference.models import ModelChange, ModelVersion

Action = ModelChange.Action


@dataclass(frozen=True)
class Author:
    """Who changes it: a member (`member`), or the installation's owner on the server."""

    member: Actor | None

    def in_clinic(self, clinic_id: uuid.UUID) -> Actor:
        """The same author as a clinic's audit knows it."""
        if self.member is None:
            return system_actor(clinic_id, task="register_model")
        return Actor(
            clinic_id=clinic_id,
            role=self.member.role,
            user=self.member.user,
            address=self.member.address,
            request_id=self.member.request_id,
            purpose=self.member.purpose,
        )


OWNER = Author(None)


def locked(model_id: uuid.UUID) -> tuple[ModelVersion, list[ModelVersion]]:
    """A model and all of its modality, itself among them. Raises NotFound.

    All models are locked, in one order: two changes at once follow one another.
    """
    models = {model.pk: model for model in ModelVersion.objects.select_for_update().order_by("pk")}
    if (chosen := models.get(model_id)) is None:
        raise NotFound
    return chosen, [each for each in models.values() if each.modality == chosen.modality]


def keep(
    author: Author,
    action: Action,
    model: ModelVersion,
    *,
    previous: ModelVersion | None,
    tell: Callable[[Actor], None],
) -> None:
    """Write a change down, and let `tell` write it into the audit of every clinic."""
    person = author.member.user if author.member else None
    ModelChange.objects.create(model=model, action=action, previous=previous, by=person)
    for clinic_id in Clinic.objects.order_by("pk").values_list("pk", flat=True):
        with clinic_context(clinic_id):
            tell(author.in_clinic(clinic_id))


def lineage(changes: Iterable[ModelChange]) -> list[uuid.UUID]:
    """The models of one modality that answered one after another, the last one now.

    `changes` are its changes, oldest first. Rolling back takes the last one off, and so does taking
    a model out of service: neither is ever rolled back to.
    """
    line: list[uuid.UUID] = []
    for change in changes:
        if change.action == Action.ACTIVATED:
            if change.previous_id and line[-1:] != [change.previous_id]:
                line.append(change.previous_id)
            line.append(change.model_id)
        elif change.action == Action.ROLLED_BACK:
            line = line[: line.index(change.model_id)] if change.model_id in line else []
            line.append(change.model_id)
        elif change.action == Action.DEACTIVATED:
            line = line[:-1]
    return line


def before(model: ModelVersion) -> ModelVersion | None:
    """What answered before the active `model`, for a way back; None when nothing did."""
    changes = ModelChange.objects.filter(model__modality=model.modality).order_by("pk")
    line = lineage(changes)
    if not model.active or len(line) < 2 or line[-1] != model.pk:
        return None
    return ModelVersion.objects.get(pk=line[-2])
