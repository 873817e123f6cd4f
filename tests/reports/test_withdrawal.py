"""The undo of an assessment: what it takes back, what stays, and who may not."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, DomainError, Forbidden, NotFound
from reports import veil
from reports.models import Assessment, AssessmentWithdrawal, ReportAssessment
from reports.selectors import review
from reports.services.claims import claim_study
from reports.services.composing import compose, discard
from reports.services.waiting import differences
from reports.services.withdrawal import withdraw_assessment
from tests import factories
from tests.reports import scenes
from tests.reports.scenes import MELANOMA, NEVUS, SCC


@pytest.fixture
def scene(doctor: Any) -> Any:
    """(study, lesion, image) whose opinion says nevus."""
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image)
    return study, lesion, image


def back(actor: Any, made: Assessment) -> AssessmentWithdrawal:
    return withdraw_assessment(actor=actor, assessment_id=made.pk)


def test_the_lesion_waits_again_and_its_opinion_stays_open(doctor: Any, scene: Any) -> None:
    study, lesion, image = scene
    made = scenes.assess(doctor, study, lesion)
    done = back(doctor, made)
    assert (done.assessment, done.author) == (made, doctor.user)
    [row] = review(doctor, study.pk).lesions
    assert (row.open, row.assessment, row.history) == (True, None, [made])
    assert not row.veiled, "who has seen the opinion has seen it"
    with clinic_context(doctor.clinic_id):
        assert hasattr(study, "waiting")
        assert differences() == []
        assert image.pk not in veil.hidden(doctor, [image])
        assert list(Assessment.objects.standing()) == []
    assert scenes.events(doctor, "assessment.withdrawn", object_id=str(made.pk)) == 1
    again = scenes.assess(doctor, study, lesion)
    assert (again.version, again.blinded) == (2, False)


def test_the_version_before_counts_again(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion)
    second = scenes.assess(doctor, study, lesion, MELANOMA)
    back(doctor, second)
    [row] = review(doctor, study.pk).lesions
    assert (row.assessment, row.open) == (first, False)
    third = scenes.assess(doctor, study, lesion, MELANOMA)
    assert third.version == 3
    assert compose(actor=doctor, assessment_ids=[third.pk]).status == "draft"


def test_a_first_impression_that_was_taken_back_stays_one(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion, SCC)
    back(doctor, first)
    second = scenes.assess(doctor, study, lesion, NEVUS)
    [row] = review(doctor, study.pk).lesions
    assert row.assessment == second
    assert row.first == first
    assert row.changed_mind


def test_twice_is_once(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    made = scenes.assess(doctor, study, lesion)
    assert back(doctor, made) == back(doctor, made)
    assert scenes.count(doctor, AssessmentWithdrawal) == 1
    assert scenes.events(doctor, "assessment.withdrawn") == 1


def test_only_its_author_takes_it_back(
    clinic: Any, doctor: Any, technician: Any, stranger: Any, scene: Any
) -> None:
    study, lesion, _image = scene
    made = scenes.assess(doctor, study, lesion)
    refusals: list[tuple[Any, type[DomainError]]] = [
        (factories.actor(clinic, "doctor"), Conflict),
        (technician, Forbidden),
        (stranger, NotFound),
    ]
    for actor, refusal in refusals:
        with pytest.raises(refusal):
            back(actor, made)
    nothing_happened(doctor, made)


def test_the_newest_first(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion)
    scenes.assess(doctor, study, lesion, MELANOMA)
    with pytest.raises(Conflict, match="Take that one back first"):
        back(doctor, first)
    nothing_happened(doctor, first)


def test_not_while_another_doctor_reads_the_visit(clinic: Any, doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    made = scenes.assess(doctor, study, lesion)
    claim_study(actor=factories.actor(clinic, "doctor"), study_id=study.pk)
    with pytest.raises(Conflict, match="is reading this visit"):
        back(doctor, made)
    nothing_happened(doctor, made)


def test_not_what_stands_in_a_draft_until_it_is_discarded(doctor: Any) -> None:
    report, _study, _lesion, _image = scenes.draft(doctor)
    with clinic_context(doctor.clinic_id):
        made = report.assessments.get()
    with pytest.raises(Conflict, match="Discard the draft first"):
        back(doctor, made)
    nothing_happened(doctor, made)
    discard(actor=doctor, report_id=report.pk)
    assert back(doctor, made)


def test_never_what_is_signed(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    with clinic_context(doctor.clinic_id):
        made = report.assessments.get()
    with pytest.raises(Conflict, match="signed report"):
        back(doctor, made)
    nothing_happened(doctor, made)


def test_the_database_keeps_reports_and_withdrawals_apart(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    report, *_rest = scenes.draft(doctor)
    held = scenes.assess(doctor, study, lesion)
    back(doctor, held)
    with clinic_context(doctor.clinic_id):
        other = report.assessments.get()
        with pytest.raises(DatabaseError, match="stands in no report"), transaction.atomic():
            AssessmentWithdrawal.objects.create(
                clinic_id=doctor.clinic_id, assessment=other, author=doctor.user
            )
        with pytest.raises(DatabaseError, match="stands in no report"), transaction.atomic():
            ReportAssessment.objects.create(
                clinic_id=doctor.clinic_id, report=report, assessment=held, position=9
            )
        with pytest.raises(DatabaseError), transaction.atomic():
            AssessmentWithdrawal.objects.filter(assessment=held).delete()


def nothing_happened(actor: Any, made: Assessment) -> None:
    assert scenes.count(actor, AssessmentWithdrawal) == 0
    assert scenes.events(actor, "assessment.withdrawn") == 0
    with clinic_context(actor.clinic_id):
        assert Assessment.objects.standing().filter(pk=made.pk).exists()
