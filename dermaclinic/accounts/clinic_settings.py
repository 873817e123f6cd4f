"""What a clinic sets of its own, read and changed. Call the readers in the clinic's context."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ClinicSettings, Role, default_mfa_roles
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid

PREVALENCES = (0.001, 0.6)
TARGETS = (0.5, 0.999)
IDLE_MINUTES = (5, 60)
ALWAYS_TOLD = ("prevalence", "targets")  # the audit names these with every change

Targets = Mapping[str, Mapping[str, float]]


def current() -> ClinicSettings | None:
    """The settings that hold; None while nothing has been set."""
    return ClinicSettings.objects.first()


def history() -> list[ClinicSettings]:
    """All settings there were, those that hold first."""
    return list(ClinicSettings.objects.all())


def mfa_roles() -> list[str]:
    """The roles that need a second factor in this clinic."""
    held = current()
    return list(held.mfa_roles) if held else default_mfa_roles()


def idle_minutes() -> int:
    """After how many minutes without a request this clinic's members are signed out."""
    held = current()
    return held.idle_minutes if held else ClinicSettings.IDLE_MINUTES


def change(
    *,
    actor: Actor,
    number: int,
    prevalence: float | None,
    targets: Targets,
    mfa_roles: Sequence[str] | None = None,
    idle_minutes: int | None = None,
) -> ClinicSettings:
    """Set anew what was set as `number` (0: nothing yet). Setting the same changes nothing.

    `mfa_roles` and `idle_minutes` stay as they are when None.

    Raises Forbidden; Invalid; Conflict when somebody else has changed the settings meanwhile.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "change", ClinicSettings)
        former = current()
        before = _content(former or ClinicSettings())
        after = {
            "prevalence": prevalence,
            "targets": {modality: dict(each) for modality, each in targets.items() if each},
            "mfa_roles": before["mfa_roles"] if mfa_roles is None else sorted(set(mfa_roles)),
            "idle_minutes": before["idle_minutes"] if idle_minutes is None else idle_minutes,
        }
        _check(after)
        if (former.number if former else 0) != number:
            raise _overtaken()
        if former is not None and before == after:
            return former
        made = ClinicSettings(
            clinic_id=actor.clinic_id, number=number + 1, changed_by=actor.person, **after
        )
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise _overtaken() from error
        changed = {
            name: [before[name], value]
            for name, value in after.items()
            if name in ALWAYS_TOLD or before[name] != value
        }
        audit.changed_clinic_settings(actor, made, changed=changed)
    return made


def _content(held: ClinicSettings) -> dict[str, Any]:
    return {
        "prevalence": held.prevalence,
        "targets": held.targets,
        "mfa_roles": sorted(held.mfa_roles),
        "idle_minutes": held.idle_minutes,
    }


def _check(wanted: Mapping[str, Any]) -> None:
    prevalence = wanted["prevalence"]
    if prevalence is not None and not PREVALENCES[0] <= prevalence <= PREVALENCES[1]:
        raise _invalid("prevalence", _("Give a share between 0.1 and 60 per cent."))
    targets = [target for classes in wanted["targets"].values() for target in classes.values()]
    if not all(TARGETS[0] <= target <= TARGETS[1] for target in targets):
        raise _invalid("targets", _("A sensitivity target lies between 50 and 99.9 per cent."))
    if not set(wanted["mfa_roles"]) <= set(Role.values):
        raise _invalid("mfa_roles", _("Choose among the roles."))
    if not IDLE_MINUTES[0] <= wanted["idle_minutes"] <= IDLE_MINUTES[1]:
        raise _invalid("idle_minutes", _("Give between 5 and 60 minutes."))


def _invalid(field: str, sentence: StrOrPromise) -> Invalid:
    return Invalid(sentence, errors={field: [sentence]})


def _overtaken() -> Conflict:
    return Conflict(
        _("Somebody else has changed the settings meanwhile. Look at them, then set yours again.")
    )
