"""What the registry's pages show: which model answers for which images, how well, chosen by whom.

Call it in a clinic's context.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Membership
from dermaclinic.errors import NotFound
from imaging.models import Modality
from inference.models import ModelChange, ModelVersion
from inference.services import changes


@dataclass
class Kind:
    """The models for one kind of image; `back` is what rolling back would bring back."""

    modality: str
    name: StrOrPromise
    active: ModelVersion | None = None
    shadow: ModelVersion | None = None
    others: list[ModelVersion] = field(default_factory=list)
    back: ModelVersion | None = None


@dataclass(frozen=True)
class Entry:
    """A line of the history: what was done, when, and by whom as far as this clinic knows them."""

    at: datetime
    action: str
    words: StrOrPromise
    model: ModelVersion
    previous: ModelVersion | None
    who: str


def kinds(actor: Actor) -> list[Kind]:
    """Every kind of image that has a model, dermoscopy first; newest models first."""
    policies.require(actor, "view", ModelVersion)
    found: dict[str, Kind] = {}
    models = ModelVersion.objects.order_by("-registered_at")
    for model in sorted(models, key=lambda model: _place(model.modality)):
        kind = found.setdefault(model.modality, Kind(model.modality, _name(model.modality)))
        if model.active:
            kind.active, kind.back = model, changes.before(model)
        elif model.shadow:
            kind.shadow = model
        else:
            kind.others.append(model)
    return list(found.values())


def listed(actor: Actor) -> list[ModelVersion]:
    """Every registered model, in the order of the page: by kind of image, what answers first."""
    return [
        model
        for kind in kinds(actor)
        for model in (kind.active, kind.shadow, *kind.others)
        if model is not None
    ]


def find(actor: Actor, model_id: uuid.UUID) -> ModelVersion:
    """One registered model. Raises NotFound."""
    policies.require(actor, "view", ModelVersion)
    found = ModelVersion.objects.filter(pk=model_id).first()
    if found is None:
        raise NotFound
    return found


def kind_of(actor: Actor, model: ModelVersion) -> Kind:
    """The kind of image that a model reads, with its other models."""
    return next(kind for kind in kinds(actor) if kind.modality == model.modality)


def history(actor: Actor, model: ModelVersion | None = None) -> list[Entry]:
    """Who chose what and when, newest first; of one model, or of all.

    People of other clinics on the server are not named: their clinic's audit does.
    """
    policies.require(actor, "view", ModelVersion)
    rows = ModelChange.objects.select_related("model", "previous", "by").order_by("-pk")
    if model is not None:
        rows = rows.filter(Q(model=model) | Q(previous=model))
    here = set(Membership.objects.filter(clinic=actor.clinic_id).values_list("user_id", flat=True))
    return [
        Entry(
            at=row.at,
            action=row.action,
            words=row.get_action_display(),
            model=row.model,
            previous=row.previous if row.previous_id != row.model_id else None,
            who=_who(row, here),
        )
        for row in rows
    ]


def _who(change: ModelChange, here: set[uuid.UUID]) -> str:
    if change.by is None:
        return _("whoever runs the server")
    return change.by.full_name if change.by.pk in here else _("an administrator of another clinic")


def _place(modality: str) -> int:
    return [*Modality.values, modality].index(modality)


def _name(modality: str) -> StrOrPromise:
    return Modality(modality).label if modality in Modality.values else modality
