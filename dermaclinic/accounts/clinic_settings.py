"""What a clinic sets of its own, read and changed. Call the readers in the clinic's context."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid

PREVALENCES = (0.001, 0.6)
TARGETS = (0.5, 0.999)

Targets = Mapping[str, Mapping[str, float]]


def current() -> ClinicSettings | None:
    """The settings that hold; None while nothing has been set."""
    return ClinicSettings.objects.first()


def history() -> list[ClinicSettings]:
    """All settings there were, those that hold first."""
    return list(ClinicSettings.objects.all())


def change(
    *, actor: Actor, number: int, prevalence: float | None, targets: Targets
) -> ClinicSettings:
    """Set anew what was set as `number` (0: nothing yet). Setting the same changes nothing.

    Raises Forbidden; Invalid; Conflict when somebody else has changed the settings meanwhile.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "change", ClinicSettings)
        _check(prevalence, targets)
        former = current()
        if (former.number if former else 0) != number:
            raise _overtaken()
        kept = {modality: dict(classes) for modality, classes in targets.items() if classes}
        before = (former.prevalence, former.targets) if former else (None, {})
        if former is not None and before == (prevalence, kept):
            return former
        made = ClinicSettings(
            clinic_id=actor.clinic_id,
            number=number + 1,
            prevalence=prevalence,
            targets=kept,
            changed_by=actor.person,
        )
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise _overtaken() from error
        audit.changed_clinic_settings(actor, made, before=before)
    return made


def _check(prevalence: float | None, targets: Targets) -> None:
    if prevalence is not None and not PREVALENCES[0] <= prevalence <= PREVALENCES[1]:
        raise _invalid("prevalence", _("Give a share between 0.1 and 60 per cent."))
    wanted = [target for classes in targets.values() for target in classes.values()]
    if not all(TARGETS[0] <= target <= TARGETS[1] for target in wanted):
        raise _invalid("targets", _("A sensitivity target lies between 50 and 99.9 per cent."))


def _invalid(field: str, sentence: StrOrPromise) -> Invalid:
    return Invalid(sentence, errors={field: [sentence]})


def _overtaken() -> Conflict:
    return Conflict(
        _("Somebody else has changed the settings meanwhile. Look at them, then set yours again.")
    )
