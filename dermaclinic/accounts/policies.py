"""Who may do what. One table; what is not in it is denied.

`require` is the door of every service and detail page, `visible` of every list: both read the same
table. An object of another clinic is *not found*, never *forbidden*.
"""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Role
from dermaclinic.errors import Forbidden, NotFound

T, D, A = Role.TECHNICIAN.value, Role.DOCTOR.value, Role.ADMINISTRATOR.value

# model label → verb → roles
POLICY: dict[str, dict[str, tuple[str, ...]]] = {
    "patients.patient": {
        "view": (T, D),
        "add": (T, D),
        "change": (T, D),
        "disclose": (D, A),  # who looked at the record, for the patient
        "merge": (D,),
    },
    "patients.merge": {"view": (T, D), "undo": (D,)},
    "patients.consent": {"view": (T, D), "add": (T, D)},
    "patients.lesion": {"view": (T, D), "add": (T, D), "change": (T, D)},
    "imaging.study": {"view": (T, D), "add": (T, D)},
    "imaging.instance": {
        "view": (T, D),
        "preload": (D,),  # of the visit that is the doctor's next one (imaging/ahead.py)
        "add": (T, D),
        "move": (T, D),
        "assign": (T, D),
    },
    "imaging.upload": {"view": (T, D), "add": (T, D), "discard": (T, D)},  # each their own
    "imaging.quarantine": {"view": (T, D), "resolve": (T, D)},
    "imaging.rejection": {"view": (T, D, A)},
    "inference.prediction": {"view": (T, D), "add": (T, D), "rerun": (D,)},
    "inference.modelversion": {
        "view": (T, D, A),
        "activate": (A,),
        "shadow": (A,),
        "compare": (D, A),
    },
    "reports.assessment": {"view": (T, D), "add": (D,), "withdraw": (D,)},
    "reports.histology": {"view": (T, D), "add": (D,), "compare": (D,)},
    "reports.claim": {"view": (D,), "add": (D,)},
    "reports.secondreading": {"view": (D,), "add": (D,)},
    "reports.consensus": {"add": (D,)},
    "reports.consensusproposal": {"agree": (D,)},
    "reports.phrase": {"view": (D, A), "change": (D, A)},
    "reports.report": {"view": (T, D), "add": (D,), "sign": (D,)},
    "audit.event": {"view": (A,), "export": (A,)},
    "audit.flagreview": {"view": (A,), "add": (A,)},
    "accounts.clinicsettings": {"view": (D, A), "change": (A,)},
    "accounts.membership": {"view": (A,), "add": (A,), "change": (A,)},
    "accounts.invitation": {"view": (A,), "add": (A,), "withdraw": (A,)},
    # Everybody makes, sees and revokes their own (tokens.py); the clinic's are an administrator's.
    "accounts.apitoken": {"add": (T, D, A), "view": (A,), "revoke": (A,)},
}

M = TypeVar("M", bound=Model)


def _label(obj: Any) -> str:
    return str(obj._meta.label_lower)


def can(actor: Actor, verb: str, obj: Any) -> bool:
    """May the actor do `verb` to `obj` (an object, or a model class for lists and creation)?"""
    if actor.role not in POLICY.get(_label(obj), {}).get(verb, ()):
        return False
    return isinstance(obj, type) or getattr(obj, "clinic_id", actor.clinic_id) == actor.clinic_id


def visible(actor: Actor, queryset: QuerySet[M]) -> QuerySet[M]:
    """The part of a queryset that the actor may view; empty when the role may view none."""
    if not can(actor, "view", queryset.model):
        return queryset.none()
    return queryset.filter(clinic_id=actor.clinic_id)


def require(actor: Actor, verb: str, obj: Any) -> None:
    """Raise NotFound for another clinic's object, Forbidden for a role that may not; record both.

    The denial is written through a second connection, so the caller's rollback keeps it.
    """
    from dermaclinic import audit

    if can(actor, verb, obj):
        return
    audit.denied(actor, verb=verb, obj=obj)
    if not isinstance(obj, type) and getattr(obj, "clinic_id", actor.clinic_id) != actor.clinic_id:
        raise NotFound
    raise Forbidden(_("Ask an administrator of your clinic if you need this."))


def find(actor: Actor, verb: str, queryset: QuerySet[M], **lookup: Any) -> M:
    """One object by `lookup`, checked with `require`; NotFound when there is none in this clinic.

    Call it inside the clinic's context.
    """
    from dermaclinic import audit

    require(actor, verb, queryset.model)
    found = queryset.filter(clinic_id=actor.clinic_id, **lookup).first()
    if found is None:
        audit.not_found(actor, verb=verb, model=queryset.model, lookup=lookup)
        raise NotFound
    return found
