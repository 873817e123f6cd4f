"""Drafts of reports: composed from assessments of one visit, or discarded."""

import uuid
from collections.abc import Sequence

from django.utils.translation import gettext as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging.models import Instance
from patients.models import Patient
from reports import veil
from reports.models import Assessment, Report, ReportAssessment


def compose(*, actor: Actor, assessment_ids: Sequence[uuid.UUID]) -> Report:
    """A draft from assessments in the given order: all of one visit, each the newest of its lesion.

    Composing the same once more answers with the draft that is there. A draft has no number yet:
    numbers run without gaps in a clinic, so signing gives them. Conflict when a signed report
    speaks of such a lesion at this visit already: that one is to be amended.
    """
    ids = list(assessment_ids)
    if not ids or len(set(ids)) < len(ids):
        sentence = _("Choose at least one assessment, and each one once.")
        raise Invalid(sentence, errors={"assessments": [sentence]})
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Report)
        found = [
            policies.find(actor, "view", Assessment.objects.select_related("lesion"), pk=pk)
            for pk in ids
        ]
        study = found[0].study
        if any(each.study_id != study.pk for each in found):
            sentence = _("A report speaks of one visit. Choose assessments of the same visit.")
            raise Invalid(sentence, errors={"assessments": [sentence]})
        patient = lock(study.patient_id)
        check(found)
        drafts = Report.objects.filter(
            study=study, status=Report.Status.DRAFT, composed_by=actor.person, replaces=None
        )
        for draft in drafts:
            if [item.assessment_id for item in draft.items.all()] == ids:
                return draft
        report = Report.objects.create(
            clinic_id=actor.clinic_id, patient=patient, study=study, composed_by=actor.person
        )
        fill(report, found)
        audit.composed_report(actor, report)
    return report


def discard(*, actor: Actor, report_id: uuid.UUID) -> None:
    """Throw a draft away; Conflict when it is signed."""
    with clinic_context(actor.clinic_id):
        report = policies.find(actor, "add", Report.objects.select_for_update(), pk=report_id)
        if report.status == Report.Status.SIGNED:
            raise Conflict(_("A signed report stays. If it is wrong, amend it."))
        audit.discarded_report(actor, report)
        report.items.all().delete()
        report.delete()


def lock(patient_id: uuid.UUID) -> Patient:
    """The patient, locked: no image is moved and nothing is assessed or signed meanwhile."""
    return Patient.objects.select_for_update(no_key=True).get(pk=patient_id)


def fill(report: Report, assessments: Sequence[Assessment]) -> None:
    """Write what a draft consists of."""
    ReportAssessment.objects.bulk_create(
        ReportAssessment(
            clinic_id=report.clinic_id, report=report, assessment=each, position=position
        )
        for position, each in enumerate(assessments, start=1)
    )


def check(assessments: Sequence[Assessment], *, replaces: Report | None = None) -> None:
    """Conflict unless each is its lesion's newest, has its images, and stands in no report."""
    for each in assessments:
        if newest(each.study_id, each.lesion_id) != each:
            raise Conflict(
                _("Lesion %(lesion)s has been assessed anew. Compose again.")
                % {"lesion": each.lesion}
            )
        sentence = obstacle(each, intact=intact(each), former=_signed(each, replaces))
        if sentence:
            raise Conflict(sentence)


def obstacle(assessment: Assessment, *, intact: bool, former: Report | None) -> str:
    """Why a lesion's newest assessment cannot be reported, in a sentence; empty when it can.

    `intact`: its images are where they were. `former`: a signed report that speaks of the lesion at
    this visit already.
    """
    lesion = {"lesion": assessment.lesion}
    if not intact:
        return (
            _(
                "An image of lesion %(lesion)s has been moved since it was assessed. "
                "Assess the lesion again."
            )
            % lesion
        )
    if veil.unconfirmed(assessment):
        return (
            _(
                "The opinion on lesion %(lesion)s differs from your first impression. "
                "Keep yours with a reason, or change it."
            )
            % lesion
        )
    if former is not None:
        return _("Lesion %(lesion)s of this visit stands in report %(report)s. Amend that one.") % (
            lesion | {"report": former}
        )
    return ""


def newest(study_id: uuid.UUID, lesion_id: uuid.UUID) -> Assessment | None:
    """The assessment that counts for a lesion at a visit."""
    return (
        Assessment.objects.standing()
        .filter(study_id=study_id, lesion_id=lesion_id)
        .select_related("lesion", "author", "opinion__model_version")
        .first()
    )


def intact(assessment: Assessment) -> bool:
    """Are all images that the doctor saw still filed where they were?"""
    there = Instance.objects.filter(
        pk__in=assessment.images, study=assessment.study_id, lesion=assessment.lesion_id
    )
    return there.count() == len(assessment.images)


def _signed(assessment: Assessment, replaces: Report | None) -> Report | None:
    signed = Report.objects.filter(
        status=Report.Status.SIGNED,
        study_id=assessment.study_id,
        assessments__lesion_id=assessment.lesion_id,
    ).exclude(replaced_by__status=Report.Status.SIGNED)
    return (signed.exclude(pk=replaces.pk) if replaces else signed).first()
