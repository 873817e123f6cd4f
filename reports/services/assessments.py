"""A doctor's judgement of a lesion at a visit, beside an opinion that may or may not be there."""

import uuid
from collections.abc import Collection, Sequence
from datetime import date

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging.models import Instance, Study
from inference.models import Prediction
from patients.models import Lesion, Patient, Purpose
from patients.services import allows
from reports import opinions, steps, veil
from reports.models import Agreement, Algorithm, Assessment, OpinionState, TwoStep
from reports.services import answers, claims, waiting

# What makes two recordings the same: a double click is answered with the version that is there.
_SAME = (
    "author_id", "diagnoses", "management", "due", "reason", "two_step", "description",
    "algorithm", "comment", "images", "opinion_id", "opinion_state",
)  # fmt: skip
_KEPT = (
    "diagnoses", "management", "due", "description", "two_step", "algorithm", "comment",
)  # fmt: skip


def record_assessment(
    *,
    actor: Actor,
    study_id: uuid.UUID,
    lesion_id: uuid.UUID,
    diagnoses: Sequence[str],
    management: str,
    due: date | None = None,
    reason: str = "",
    description: str = "",
    two_step: str = "",
    algorithm: str = "",
    comment: str = "",
    images: Collection[uuid.UUID] | None = None,
) -> Assessment:
    """Record one's own diagnoses (SNOMED CT codes, most likely first, 1–3) and what to do.

    It is compared with the opinion of `reports.opinions`, and never waits for one. `blinded` says
    that the actor could not see that opinion yet: it is asked here, of the database and the audit.
    Invalid: unknown, repeated or no diagnoses; no image of the lesion in this visit; monitoring
    without a date in the future, or a date without monitoring; departing without a reason from the
    opinion that one sees (`errors` names the field). Conflict: another doctor's live claim, or
    other images of the lesion in this visit than `images`, those that the actor was shown (None:
    not asked).
    Recording the same once more (a double click) answers with the version that is there.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Assessment)
        study = policies.find(actor, "view", Study.objects.all(), pk=study_id)
        lesion = policies.find(actor, "view", Lesion.objects.all(), pk=lesion_id)
        # Moving an image locks its patients first, too.
        patient = Patient.objects.select_for_update(no_key=True).get(pk=study.patient_id)
        claims.respect(actor, study)
        present = _images(study, lesion)
        _require_shown(present, images)
        answers.check(diagnoses, management, due)
        _check_method(two_step, algorithm)
        opinion, state = _opinion(patient, present)
        made = Assessment(
            clinic_id=actor.clinic_id,
            patient=patient,
            study=study,
            lesion=lesion,
            diagnoses=list(diagnoses),
            management=management,
            due=due,
            reason=reason.strip(),
            description=description.strip(),
            two_step=two_step,
            algorithm=algorithm,
            comment=comment.strip(),
            images=[image.pk for image in present],
            opinion=opinion,
            opinion_state=state,
            agreement=opinions.agreement(list(diagnoses), opinion),
            blinded=_blinded(actor, present, opinion, state),
            author=actor.person,
        )
        versions = Assessment.objects.filter(study=study, lesion=lesion)
        newest = versions.standing().first()
        if newest is not None and _repeats(made, newest):
            return newest
        if made.agreement == Agreement.DIFFERS and not made.reason and not made.blinded:
            raise _unexplained()
        made.version = (versions.aggregate(last=Max("version"))["last"] or 0) + 1
        made.save(force_insert=True)
        first = veil.first_impression(made)
        audit.recorded_assessment(
            actor, made, first=first, changed_mind=veil.changed_mind(made, first)
        )
        waiting.refresh([study.pk])
        for step in steps.on_recorded:
            step(actor, made)
    return made


def keep_assessment(
    *,
    actor: Actor,
    assessment_id: uuid.UUID,
    reason: str,
    images: Collection[uuid.UUID] | None = None,
) -> Assessment:
    """Keep one's first impression although it differs from the opinion: a new version, and why.

    Invalid without a reason. Conflict when it is another doctor's, has been assessed anew or taken
    back since, or does not differ; and when the lesion has other images in this visit than
    `images`, those that the actor was shown (None: those of the first impression).
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Assessment)
        made = policies.find(actor, "view", Assessment.objects.all(), pk=assessment_id)
        Patient.objects.select_for_update(no_key=True).get(pk=made.patient_id)
        versions = Assessment.objects.filter(study=made.study_id, lesion=made.lesion_id)
        if made.author_id != actor.person.pk:
            raise Conflict(_("This is another doctor's assessment. Record one of your own."))
        if versions.standing().first() != made:
            raise Conflict(_("The lesion has been assessed anew meanwhile, or it was taken back."))
        if not veil.unconfirmed(made):
            raise Conflict(_("This assessment does not differ from the opinion: it stands."))
        if not reason.strip():
            raise _unexplained()
        return record_assessment(
            actor=actor,
            study_id=made.study_id,
            lesion_id=made.lesion_id,
            reason=reason,
            images=made.images if images is None else images,
            **{name: getattr(made, name) for name in _KEPT},
        )


def _unexplained() -> Invalid:
    return answers.invalid("reason", _("Your diagnosis departs from the opinion. Please say why."))


def _blinded(
    actor: Actor, images: list[Instance], opinion: Prediction | None, state: OpinionState
) -> bool:
    """Can the actor not see the opinion yet that stands beside it, or will?"""
    if state not in (OpinionState.READY, OpinionState.PENDING):
        return False  # there is none to be blind to
    hidden = veil.hidden(actor, images)
    if opinion is None:
        return bool(hidden)
    return opinion.instance_id in hidden and not veil.has_seen(actor, opinion)


def _repeats(made: Assessment, newest: Assessment) -> bool:
    """A double click. But who says the same again in sight of the opinion, and why, confirms it."""
    confirms = veil.unconfirmed(newest) and bool(made.reason) and not made.blinded
    return _content(newest) == _content(made) and not confirms


def _content(assessment: Assessment) -> tuple[object, ...]:
    return tuple(getattr(assessment, name) for name in _SAME)


def _images(study: Study, lesion: Lesion) -> list[Instance]:
    images = list(Instance.objects.filter(study=study, lesion=lesion).order_by("created_at", "id"))
    if not images:
        raise answers.invalid(
            "lesion", _("There is no image of this lesion in this visit. Assign one to it first.")
        )
    return images


def _require_shown(present: list[Instance], shown: Collection[uuid.UUID] | None) -> None:
    """An assessment covers what its author has looked at, and nothing that came meanwhile."""
    if shown is None:
        return
    here = {image.pk for image in present}
    if here - set(shown):
        sentence = _("A new image of this lesion has come since you opened it. Look at it first.")
    elif set(shown) - here:
        sentence = _("An image is no longer filed under this lesion. Look at those that are.")
    else:
        return
    raise Conflict(sentence, errors={"images": [sentence]})


def _opinion(patient: Patient, images: list[Instance]) -> tuple[Prediction | None, OpinionState]:
    newest = opinions.newest([image.pk for image in images])
    opted_out = not allows(patient, Purpose.AI_OPINION)
    return opinions.choose([newest.get(image.pk) for image in images], opted_out=opted_out)


def _check_method(two_step: str, algorithm: str) -> None:
    if two_step and two_step not in TwoStep.values:
        raise answers.invalid(
            "two_step", _("Choose melanocytic, not melanocytic, or leave it open.")
        )
    if algorithm and algorithm not in Algorithm.values:
        raise answers.invalid(
            "algorithm", _("Choose an algorithm from the list, or leave it open.")
        )
