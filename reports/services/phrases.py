"""The clinic's phrases: abbreviations that fill in an assessment, and record nothing."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _, gettext_lazy
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from reports.diagnoses import DIAGNOSES
from reports.models import Management, Phrase
from reports.models.phrases import ABBREVIATION

MONTHS = (1, 60)
FIELDS = ("abbreviation", "diagnoses", "management", "months", "sentence")

# What a clinic may start with: abbreviation, SNOMED CT codes, management, months, sentence.
USUAL = (
    ("ak", ["201101007"], "refer", None, gettext_lazy("Actinic keratosis: treat.")),
    ("bcc", ["254701007"], "excise", None, gettext_lazy("Basal cell carcinoma is likely.")),
    ("df", ["448015002"], "discharge", None, gettext_lazy("Dermatofibroma: harmless.")),
    ("dn", ["254818000"], "monitor", 3, gettext_lazy("Atypical nevus: compare in three months.")),
    ("ha", ["400210000"], "discharge", None, gettext_lazy("Hemangioma: harmless.")),
    ("mel", ["93655004"], "excise", None, gettext_lazy("Melanoma is to be excluded: excise.")),
    ("nv", ["400010006"], "discharge", None, gettext_lazy("Melanocytic nevus, inconspicuous.")),
    ("sk", ["25499005"], "discharge", None, gettext_lazy("Seborrheic keratosis: harmless.")),
    ("sl", ["72100002"], "discharge", None, gettext_lazy("Solar lentigo: harmless.")),
)


def add(
    *,
    actor: Actor,
    abbreviation: str,
    diagnoses: Sequence[str],
    management: str,
    months: int | None = None,
    sentence: str = "",
) -> Phrase:
    """A new phrase. Invalid by field; Conflict when the abbreviation stands for another one."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "change", Phrase)
        made = Phrase(
            clinic_id=actor.clinic_id,
            changed_by=actor.person,
            **_checked(abbreviation, diagnoses, management, months, sentence),
        )
        _save(made)
        audit.changed_phrase(actor, made, how="added", before={}, after=_content(made))
    return made


def change(
    *,
    actor: Actor,
    phrase_id: uuid.UUID,
    version: int,
    abbreviation: str,
    diagnoses: Sequence[str],
    management: str,
    months: int | None = None,
    sentence: str = "",
) -> Phrase:
    """Say anew what an abbreviation stands for. Assessments that it filled in stay as they are.

    Invalid by field; Conflict when the abbreviation is another's, or when somebody else has changed
    the phrase since `version`. The same once more changes nothing.
    """
    with clinic_context(actor.clinic_id):
        phrase = _locked(actor, phrase_id)
        if phrase.version != version or phrase.retired:
            raise Conflict(_("Somebody else has changed this phrase meanwhile. Look at it again."))
        before = _content(phrase)
        after = _checked(abbreviation, diagnoses, management, months, sentence)
        if before == after:
            return phrase
        for name, value in after.items():
            setattr(phrase, name, value)
        _stored(actor, phrase, how="changed", before=before, after=after)
    return phrase


def retire(*, actor: Actor, phrase_id: uuid.UUID) -> Phrase:
    """Take a phrase out of the list; `restore` brings it back."""
    with clinic_context(actor.clinic_id):
        phrase = _locked(actor, phrase_id)
        if not phrase.retired:
            phrase.retired = True
            _stored(actor, phrase, how="retired", before={}, after=_content(phrase))
    return phrase


def restore(*, actor: Actor, phrase_id: uuid.UUID) -> Phrase:
    """Undo a retirement. Conflict when the abbreviation stands for another phrase by now."""
    with clinic_context(actor.clinic_id):
        phrase = _locked(actor, phrase_id)
        if phrase.retired:
            phrase.retired = False
            _stored(actor, phrase, how="restored", before={}, after=_content(phrase))
    return phrase


def start(*, actor: Actor) -> int:
    """The usual phrases for a clinic that has none yet; how many were added."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "change", Phrase)
        if Phrase.objects.exists():
            raise Conflict(_("The clinic has a list of its own already."))
        for abbreviation, diagnoses, management, months, sentence in USUAL:
            add(
                actor=actor,
                abbreviation=abbreviation,
                diagnoses=diagnoses,
                management=management,
                months=months,
                sentence=str(sentence),
            )
    return len(USUAL)


def _locked(actor: Actor, phrase_id: uuid.UUID) -> Phrase:
    return policies.find(actor, "change", Phrase.objects.select_for_update(), pk=phrase_id)


def _stored(actor: Actor, phrase: Phrase, *, how: str, before: Any, after: Any) -> None:
    phrase.version += 1
    phrase.changed_by = actor.person
    _save(phrase)
    audit.changed_phrase(actor, phrase, how=how, before=before, after=after)


def _save(phrase: Phrase) -> None:
    try:
        with transaction.atomic():
            phrase.save()
    except IntegrityError as error:
        sentence = _("“%(abbreviation)s” stands for another phrase. Change that one.") % {
            "abbreviation": phrase.abbreviation
        }
        raise Conflict(sentence, errors={"abbreviation": [sentence]}) from error


def _content(phrase: Phrase) -> dict[str, Any]:
    return {name: getattr(phrase, name) for name in FIELDS}


def _checked(
    abbreviation: str,
    diagnoses: Sequence[str],
    management: str,
    months: int | None,
    sentence: str,
) -> dict[str, Any]:
    abbreviation = abbreviation.strip().lower()
    try:
        ABBREVIATION(abbreviation)
    except ValidationError as error:
        raise _invalid("abbreviation", error.message) from error
    if not 1 <= len(set(diagnoses)) == len(diagnoses) <= 3:
        raise _invalid("diagnoses", _("Give one to three diagnoses, each once."))
    if not set(diagnoses) <= DIAGNOSES.keys():
        raise _invalid("diagnoses", _("Choose the diagnoses from the list."))
    if management not in Management.values:
        raise _invalid("management", _("Say what is to be done with the lesion."))
    if management != Management.MONITOR:
        months = None
    elif months is None or not MONTHS[0] <= months <= MONTHS[1]:
        raise _invalid("months", _("Monitoring needs a number of months, from 1 to 60."))
    if len(sentence.strip()) > 500:
        raise _invalid("sentence", _("Keep the sentence under 500 characters."))
    return {
        "abbreviation": abbreviation,
        "diagnoses": list(diagnoses),
        "management": str(management),
        "months": months,
        "sentence": sentence.strip(),
    }


def _invalid(field: str, sentence: StrOrPromise) -> Invalid:
    return Invalid(sentence, errors={field: [sentence]})
