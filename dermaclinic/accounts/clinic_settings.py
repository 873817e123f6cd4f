"""What a clinic sets of its own, read and changed. Call the readers in the clinic's context."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ClinicSettings, Role, default_mfa_roles
from dermaclinic.accounts.tenancy import clinic_context, forget, remembered
from dermaclinic.errors import Conflict, Invalid

PREVALENCES = (0.001, 0.6)
TARGETS = (0.5, 0.999)
IDLE_MINUTES = (5, 60)
CHANGEABLE = (
    "prevalence", "targets", "mfa_roles", "idle_minutes",
    "blinded_first", "second_read_codes", "second_read_share",
)  # fmt: skip
SETS = {"mfa_roles", "second_read_codes"}
ALWAYS_TOLD = ("prevalence", "targets")  # the audit names these with every change


def current() -> ClinicSettings | None:
    """The settings that hold; None while nothing has been set. Asked once in each context."""
    return remembered("clinic_settings", ClinicSettings.objects.first)


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


def blinded_first() -> bool:
    """Does a doctor see the opinion only after a diagnosis of one's own is stored?"""
    held = current()
    return held.blinded_first if held else True


def change(*, actor: Actor, number: int, **wanted: Any) -> ClinicSettings:
    """Set anew what was set as `number` (0: nothing yet). Setting the same changes nothing.

    `wanted` are fields of ClinicSettings by name (`CHANGEABLE`); the others stay as they are.

    Raises Forbidden; Invalid; Conflict when somebody else has changed the settings meanwhile.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "change", ClinicSettings)
        forget("clinic_settings")
        former = current()
        before = _content(former or ClinicSettings())
        after = before | _plain(wanted)
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
        forget("clinic_settings")
        changed = {
            name: [before[name], value]
            for name, value in after.items()
            if name in ALWAYS_TOLD or before[name] != value
        }
        audit.changed_clinic_settings(actor, made, changed=changed)
    return made


def _content(held: ClinicSettings) -> dict[str, Any]:
    return _plain({name: getattr(held, name) for name in CHANGEABLE})


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are stored, so that the same compares as the same."""
    if unknown := fields.keys() - set(CHANGEABLE):
        raise TypeError(f"A clinic does not set {', '.join(sorted(unknown))}.")
    stored = dict(fields)
    for name in SETS & fields.keys():
        stored[name] = sorted(set(fields[name]))
    if "targets" in fields:
        stored["targets"] = {kind: dict(each) for kind, each in fields["targets"].items() if each}
    return stored


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
    if not 0 <= wanted["second_read_share"] <= 1:
        raise _invalid("second_read_share", _("Give a share between 0 and 100 per cent."))


def _invalid(field: str, sentence: StrOrPromise) -> Invalid:
    return Invalid(sentence, errors={field: [sentence]})


def _overtaken() -> Conflict:
    return Conflict(
        _("Somebody else has changed the settings meanwhile. Look at them, then set yours again.")
    )
