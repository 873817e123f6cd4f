"""Composing, signing, discarding and amending reports."""

import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from imaging.services import move_instance
from reports import content
from reports.models import Assessment, Report, ReportAssessment
from reports.selectors import report as one_report, report_pdf, reports_of_patient
from reports.services.amendments import amend
from reports.services.composing import compose, discard
from reports.services.signing import sign
from tests import factories
from tests.factories import PASSWORD
from tests.reports import scenes


def refuse(error: type[DomainError], service: Any, **arguments: Any) -> DomainError:
    with pytest.raises(error) as refused:
        service(**arguments)
    return refused.value


def test_a_draft_holds_assessments_in_order_and_has_no_number(doctor: Any) -> None:
    study, [one, two], _images = scenes.visit(doctor, lesions=2)
    ids = [scenes.assess(doctor, study, lesion).pk for lesion in (two, one)]
    report = compose(actor=doctor, assessment_ids=ids)
    found = one_report(doctor, report.pk)
    assert [item.assessment_id for item in found.items.all()] == ids
    assert (found.number, found.version, found.status, found.pdf_status) == (
        None, 1, "draft", "none",
    )  # fmt: skip
    assert compose(actor=doctor, assessment_ids=ids).pk == report.pk
    assert compose(actor=doctor, assessment_ids=ids[::-1]).pk != report.pk
    assert scenes.events(doctor, "report.composed") == 2
    assert scenes.events(doctor, "report.viewed") == 1


def test_what_cannot_be_composed(technician: Any, doctor: Any, stranger: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    old = scenes.assess(doctor, study, lesion)
    new = scenes.assess(doctor, study, lesion, management="excise")
    other, [theirs], _images = scenes.visit(doctor)
    elsewhere = scenes.assess(doctor, other, theirs)
    refuse(Invalid, compose, actor=doctor, assessment_ids=[])
    refuse(Invalid, compose, actor=doctor, assessment_ids=[new.pk, new.pk])
    refuse(Invalid, compose, actor=doctor, assessment_ids=[new.pk, elsewhere.pk])
    refuse(Conflict, compose, actor=doctor, assessment_ids=[old.pk])
    refuse(NotFound, compose, actor=doctor, assessment_ids=[study.pk])
    refuse(NotFound, compose, actor=stranger, assessment_ids=[new.pk])
    refuse(Forbidden, compose, actor=technician, assessment_ids=[new.pk])
    assert scenes.count(doctor, Report) == scenes.count(doctor, ReportAssessment) == 0
    assert scenes.events(doctor, "report.composed") == 0


def test_signing_freezes_what_is_printed(
    doctor: Any, django_capture_on_commit_callbacks: Any
) -> None:
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    opinion = scenes.finish(doctor, image, malignant=0.3, triage="urgent")
    scenes.assess(doctor, study, lesion, description="Network.", comment="<b>bold</b>")
    made = scenes.assess(doctor, study, lesion, scenes.MELANOMA, management="excise")
    draft = compose(actor=doctor, assessment_ids=[made.pk])
    with django_capture_on_commit_callbacks() as bells:
        report = sign(actor=doctor, report_id=draft.pk, password=PASSWORD)
    report = scenes.stored(doctor, report)
    assert len(bells) == 1
    assert (report.number, report.status, report.pdf_status) == (1, "signed", "pending")
    assert report.signed_by == doctor.user
    assert report.content_sha256 == content.sha256(report.content)
    assert report.content["patient"]["mrn"] == study.patient.mrn
    [told] = report.content["lesions"]
    assert told["images"][0]["id"] == str(image.pk)
    assert told["assessment"]["diagnoses"][0]["code"] == scenes.MELANOMA
    assert told["opinion"]["prediction"] == str(opinion.pk)
    assert told["opinion"]["model"]["version"] == "1"
    with clinic_context(doctor.clinic_id):
        event = Event.objects.get(action="report.signed")
    assert (event.pk, event.object_id) == (report.signing_event, str(report.pk))
    assert event.detail == {"content_sha256": report.content_sha256}
    assert event.patient_id == study.patient_id


def test_numbers_run_without_gaps_in_each_clinic(doctor: Any, stranger: Any) -> None:
    first, *_rest = scenes.signed(doctor)
    thrown, *_rest = scenes.draft(doctor)
    discard(actor=doctor, report_id=thrown.pk)
    second, *_rest = scenes.signed(doctor)
    theirs, *_rest = scenes.signed(stranger)
    assert [first.number, second.number, theirs.number] == [1, 2, 1]
    assert str(second) == "2.1"


@pytest.mark.django_db(transaction=True)
def test_a_wrong_password_signs_nothing_and_is_on_record(doctor: Any, settings: Any) -> None:
    report, *_rest = scenes.draft(doctor)
    settings.AUDIT_DENIALS_DATABASE = "denials"
    connections["denials"] = connections["default"].copy(alias="denials")
    try:
        refused = refuse(Invalid, sign, actor=doctor, report_id=report.pk, password="guess")
    finally:
        connections["denials"].close()
        del connections["denials"]
    assert "password" in refused.errors
    kept = scenes.stored(doctor, report)
    assert (kept.status, kept.number, kept.content, kept.pdf_status) == (
        "draft", None, None, "none",
    )  # fmt: skip
    assert scenes.events(doctor, "report.sign", outcome="denied") == 1
    assert scenes.events(doctor, "report.signed") == 0


def test_who_may_not_sign(technician: Any, doctor: Any, stranger: Any) -> None:
    report, *_rest = scenes.draft(doctor)
    refuse(Forbidden, sign, actor=technician, report_id=report.pk, password=PASSWORD)
    refuse(NotFound, sign, actor=stranger, report_id=report.pk, password=PASSWORD)
    assert scenes.stored(doctor, report).status == "draft"


def test_a_report_is_signed_once(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    refuse(Conflict, sign, actor=doctor, report_id=report.pk, password=PASSWORD)
    assert scenes.stored(doctor, report).signed_at == report.signed_at
    assert scenes.events(doctor, "report.signed") == 1


def test_a_draft_that_time_has_overtaken_is_not_signed(doctor: Any) -> None:
    report, study, lesion, _image = scenes.draft(doctor)
    scenes.assess(doctor, study, lesion, management="excise")
    refuse(Conflict, sign, actor=doctor, report_id=report.pk, password=PASSWORD)
    moved, _study, _lesion, image = scenes.draft(doctor)
    elsewhere = factories.study(doctor, factories.patient(doctor))
    move_instance(actor=doctor, instance_id=image.pk, study_id=elsewhere.pk, reason="Misfiled.")
    refuse(Conflict, sign, actor=doctor, report_id=moved.pk, password=PASSWORD)
    assert scenes.count(doctor, Report, status="signed") == 0


def test_a_lesion_at_a_visit_stands_in_one_report(doctor: Any) -> None:
    report, study, lesion, _image = scenes.draft(doctor)
    with clinic_context(doctor.clinic_id):
        rival = Report.objects.create(
            clinic_id=doctor.clinic_id, patient=study.patient, study=study,
            composed_by=doctor.user,
        )  # fmt: skip
        ReportAssessment.objects.create(
            clinic_id=doctor.clinic_id, report=rival, position=1,
            assessment=Assessment.objects.get(lesion=lesion),
        )  # fmt: skip
    sign(actor=doctor, report_id=report.pk, password=PASSWORD)
    refuse(Conflict, sign, actor=doctor, report_id=rival.pk, password=PASSWORD)
    again = scenes.assess(doctor, study, lesion, management="excise")
    refused = refuse(Conflict, compose, actor=doctor, assessment_ids=[again.pk])
    assert "1.1" in str(refused)
    assert scenes.count(doctor, Report, status="signed") == 1


def test_a_draft_can_be_thrown_away_and_a_signed_report_cannot(
    technician: Any, doctor: Any
) -> None:
    report, *_rest = scenes.draft(doctor)
    refuse(Forbidden, discard, actor=technician, report_id=report.pk)
    discard(actor=doctor, report_id=report.pk)
    assert scenes.count(doctor, Report) == scenes.count(doctor, ReportAssessment) == 0
    assert scenes.events(doctor, "report.discarded", object_id=str(report.pk)) == 1
    signed, *_rest = scenes.signed(doctor)
    refuse(Conflict, discard, actor=doctor, report_id=signed.pk)
    assert scenes.stored(doctor, signed).status == "signed"


def test_an_amendment_is_the_next_version_of_the_newest_assessments(doctor: Any) -> None:
    report, study, lesion, _image = scenes.signed(doctor)
    newer = scenes.assess(doctor, study, lesion, management="excise")
    draft = amend(actor=doctor, report_id=report.pk)
    assert amend(actor=doctor, report_id=report.pk).pk == draft.pk
    assert not scenes.stored(doctor, report).replaced
    done = sign(actor=doctor, report_id=draft.pk, password=PASSWORD)
    assert (done.number, done.version, done.replaces) == (report.number, 2, report)
    assert done.content["lesions"][0]["assessment"]["id"] == str(newer.pk)
    assert done.content["report"]["replaces"]["content_sha256"] == report.content_sha256
    assert scenes.stored(doctor, report).replaced
    refused = refuse(Conflict, amend, actor=doctor, report_id=report.pk)
    assert "1.2" in str(refused)
    assert [each.version for each in reports_of_patient(doctor, study.patient_id)] == [2, 1]


def test_only_a_doctor_amends_and_only_what_is_signed(technician: Any, doctor: Any) -> None:
    draft, *_rest = scenes.draft(doctor)
    refuse(Conflict, amend, actor=doctor, report_id=draft.pk)
    signed, *_rest = scenes.signed(doctor)
    refuse(Forbidden, amend, actor=technician, report_id=signed.pk)
    assert scenes.count(doctor, Report, version=2) == 0


def test_a_moved_image_flags_its_signed_reports_and_no_others(doctor: Any) -> None:
    report, study, _lesion, image = scenes.signed(doctor)
    bystander, *_rest = scenes.signed(doctor)
    draft, *_rest = scenes.draft(doctor)
    elsewhere = factories.study(doctor, factories.patient(doctor))
    move_instance(actor=doctor, instance_id=image.pk, study_id=elsewhere.pk, reason="Misfiled.")
    assert scenes.stored(doctor, report).amendment_needed
    assert not scenes.stored(doctor, bystander).amendment_needed
    assert not scenes.stored(doctor, draft).amendment_reason
    assert scenes.events(doctor, "report.flagged_for_amendment") == 1
    # The lesion has no image left at that visit: the next version withdraws what was said of it.
    done = sign(
        actor=doctor, report_id=amend(actor=doctor, report_id=report.pk).pk, password=PASSWORD
    )
    assert done.content["lesions"] == []
    assert done.content["withdrawn"] == ["Lesion 1, Back"]
    assert not scenes.stored(doctor, report).amendment_needed
    assert study.pk == done.study_id


def test_a_lesion_that_lost_one_of_its_images_is_assessed_anew_first(doctor: Any) -> None:
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.image(doctor, study, lesion)
    made = scenes.assess(doctor, study, lesion)
    draft = compose(actor=doctor, assessment_ids=[made.pk])
    report = sign(actor=doctor, report_id=draft.pk, password=PASSWORD)
    later = factories.study(doctor, study.patient)
    move_instance(actor=doctor, instance_id=image.pk, study_id=later.pk, reason="Another day.")
    assert scenes.stored(doctor, report).amendment_needed
    refuse(Conflict, amend, actor=doctor, report_id=report.pk)
    again = scenes.assess(doctor, study, lesion)
    assert again.version == 2
    assert amend(actor=doctor, report_id=report.pk).version == 2


def test_the_database_keeps_a_signed_report_as_it_is(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    draft, *_rest = scenes.draft(doctor)
    changes: list[Any] = [
        lambda: Report.objects.filter(pk=report.pk).update(content={}),
        lambda: Report.objects.filter(pk=report.pk).update(status="draft"),
        lambda: Report.objects.filter(pk=report.pk).update(number=7),
        lambda: ReportAssessment.objects.filter(report=report).delete(),
        lambda: ReportAssessment.objects.filter(report=report).update(position=2),
        lambda: ReportAssessment.objects.filter(report=draft).update(report=report),
        lambda: Report.objects.filter(pk=draft.pk).update(status="signed"),
        lambda: Report.objects.filter(pk=draft.pk).update(pdf_status="pending"),
        lambda: Report.objects.filter(pk=draft.pk).update(number=1),
        lambda: Report.objects.filter(pk=report.pk).update(pdf_status="failed"),
        lambda: Report.objects.filter(pk=report.pk).update(pdf_status="ready"),
    ]
    with clinic_context(doctor.clinic_id):
        before = Report.objects.filter(pk=report.pk).values().get()
        for change in changes:
            with pytest.raises(DatabaseError), transaction.atomic():
                change()
        assert Report.objects.filter(pk=report.pk).values().get() == before
        assert ReportAssessment.objects.count() == 2


def test_the_pdf_is_asked_for_too_early(doctor: Any) -> None:
    draft, *_rest = scenes.draft(doctor)
    refuse(Conflict, report_pdf, actor=doctor, report_id=draft.pk)
    signed, *_rest = scenes.signed(doctor)
    refuse(Conflict, report_pdf, actor=doctor, report_id=signed.pk)
    assert scenes.events(doctor, "report.viewed") == 0


@pytest.mark.django_db(transaction=True)
def test_two_who_sign_at_once_get_two_numbers(doctor: Any) -> None:
    drafts = [scenes.draft(doctor)[0] for _ in range(2)]
    numbers: list[int | None] = []

    def work(report: Report) -> None:
        try:
            numbers.append(sign(actor=doctor, report_id=report.pk, password=PASSWORD).number)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[each]) for each in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(numbers, key=str) == [1, 2]
