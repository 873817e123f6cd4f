"""The report's page: draft, signing, PDF, corrections, lists."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dermaclinic.accounts.tenancy import clinic_context
from imaging.storage import vault
from reports.models import Report
from reports.services.composing import compose
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import UNATTENDED
from tests.reports import scenes

pytestmark = pytest.mark.django_db
FORMS = ["reports:sign", "reports:discard", "reports:amend", "reports:retry-pdf"]


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def page_of(report: Any) -> str:
    return reverse("reports:report", args=[report.pk])


def change(actor: Any, report: Any, **values: Any) -> None:
    with clinic_context(actor.clinic_id), acting_as("owner"):
        Report.objects.filter(pk=report.pk).update(**values)


def test_a_draft_shows_what_will_be_signed(doctors: Client, doctor: Any) -> None:
    study, [lesion], [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture)
    made = scenes.assess(doctor, study, lesion, description="Globules.", comment="See you.")
    report = compose(actor=doctor, assessment_ids=[made.pk])
    page = doctors.get(page_of(report)).content.decode()
    for part in ("Draft report", "not signed", "Globules.", "See you.", "investigational"):
        assert part in page
    assert "Your password" in page
    assert "PDF" not in page
    assert scenes.events(doctor, "report.viewed") == 1


def test_signing_freezes_it(doctors: Client, doctor: Any) -> None:
    report, *_rest = scenes.draft(doctor)
    response = doctors.post(
        reverse("reports:sign", args=[report.pk]), {"password": factories.PASSWORD}, follow=True
    )
    page = response.content.decode()
    assert "The report is signed." in page
    assert "The PDF is being made." in page
    assert 'hx-trigger="every 1s"' in page
    assert "Your password" not in page
    done = scenes.stored(doctor, report)
    assert done.status == Report.Status.SIGNED
    assert done.content_sha256 in page
    assert f"Report {done}" in page


@pytest.mark.parametrize(
    ("password", "said"), [("wrong", "The password is not right."), ("", "Enter your password")]
)
def test_a_wrong_password_signs_nothing_and_is_not_sent_back(
    doctors: Client, doctor: Any, password: str, said: str
) -> None:
    report, *_rest = scenes.draft(doctor)
    response = doctors.post(reverse("reports:sign", args=[report.pk]), {"password": password})
    assert response.status_code == 422
    assert said in response.content.decode()
    assert 'value="wrong"' not in response.content.decode()
    assert scenes.stored(doctor, report).status == Report.Status.DRAFT
    assert scenes.events(doctor, "report.signed") == 0
    assert scenes.events(doctor, "report.viewed", object_id=str(report.pk)) == 1, "it was shown"


def test_a_draft_that_is_out_of_date_is_not_signed(doctors: Client, doctor: Any) -> None:
    report, study, lesion, _picture = scenes.draft(doctor)
    scenes.assess(doctor, study, lesion, management="refer")
    response = doctors.post(
        reverse("reports:sign", args=[report.pk]), {"password": factories.PASSWORD}
    )
    assert response.status_code == 409
    assert "has been assessed anew" in response.content.decode()
    assert scenes.stored(doctor, report).status == Report.Status.DRAFT


def test_discard_a_draft_but_never_a_signed_one(doctors: Client, doctor: Any) -> None:
    report, study, *_rest = scenes.draft(doctor)
    response = doctors.post(reverse("reports:discard", args=[report.pk]))
    assert response.url == reverse("reports:review", args=[study.pk])
    assert scenes.count(doctor, Report) == 0
    done, *_rest = scenes.signed(doctor)
    response = doctors.post(reverse("reports:discard", args=[done.pk]), follow=True)
    assert b"A signed report stays." in response.content
    assert scenes.count(doctor, Report) == 1


def test_the_page_hears_when_the_pdf_is_there(doctors: Client, doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    status = reverse("reports:pdf-status", args=[report.pk])
    assert doctors.get(status, {"known": "pending"}).status_code == 204
    assert doctors.get(reverse("reports:pdf", args=[report.pk])).status_code == 409
    vault().put("f" * 64, b"%PDF-1.7 test")
    change(doctor, report, pdf_status="ready", pdf_name="f" * 64)
    news = doctors.get(status, {"known": "pending"})
    assert b"Download the PDF" in news.content
    assert b"hx-trigger" not in news.content


def test_the_pdf_is_one_persons_and_its_name_tells_nothing(doctors: Client, doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    vault().put("f" * 64, b"%PDF-1.7 test")
    change(doctor, report, pdf_status="ready", pdf_name="f" * 64)
    response = doctors.get(reverse("reports:pdf", args=[report.pk]))
    assert response.content == b"%PDF-1.7 test"
    assert response.headers["Content-Type"] == "application/pdf"
    assert "private" in response.headers["Cache-Control"]
    name = f'attachment; filename="report-{report.number}-1.pdf"'
    assert response.headers["Content-Disposition"] == name
    assert scenes.events(doctor, "report.viewed", detail__form="pdf") == 1


def test_a_failed_pdf_says_why_and_can_be_tried_again(doctors: Client, doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    change(doctor, report, pdf_status="failed", pdf_error="Pango is not installed.")
    page = doctors.get(page_of(report)).content.decode()
    assert "Pango is not installed." in page
    assert "Try again" in page
    doctors.post(reverse("reports:retry-pdf", args=[report.pk]))
    assert scenes.stored(doctor, report).pdf_status == "pending"
    refused = doctors.get(reverse("reports:report", args=[uuid.uuid4()]))
    assert refused.status_code == 404


def test_a_flagged_report_is_amended(doctors: Client, doctor: Any) -> None:
    report, study, lesion, _picture = scenes.signed(doctor)
    change(doctor, report, amendment_reason="An image has been moved.")
    page = doctors.get(page_of(report)).content.decode()
    assert "This report needs an amendment" in page
    assert "An image has been moved." in page
    scenes.assess(doctor, study, lesion, management="refer")
    response = doctors.post(reverse("reports:amend", args=[report.pk]), follow=True)
    draft = response.context["report"]
    assert (draft.status, draft.replaces, draft.version) == ("draft", report, 2)
    assert b"Continue the amendment" in doctors.get(page_of(report)).content
    doctors.post(reverse("reports:sign", args=[draft.pk]), {"password": factories.PASSWORD})
    old = doctors.get(page_of(report)).content.decode()
    assert "A newer version has replaced this one" in old
    assert "needs an amendment" not in old
    assert page_of(draft) in old
    assert page_of(report) in doctors.get(page_of(draft)).content.decode()


def test_a_draft_is_not_amended(doctors: Client, doctor: Any) -> None:
    report, *_rest = scenes.draft(doctor)
    response = doctors.post(reverse("reports:amend", args=[report.pk]), follow=True)
    assert b"This is a draft" in response.content
    assert scenes.count(doctor, Report) == 1


def test_the_number_of_queries_does_not_grow(doctors: Client, doctor: Any) -> None:
    def queries(lesions: int) -> int:
        study, found, pictures = scenes.visit(doctor, lesions=lesions)
        for picture in pictures:
            scenes.finish(doctor, picture)
        made = [scenes.assess(doctor, study, each).pk for each in found]
        report = compose(actor=doctor, assessment_ids=made)
        with CaptureQueriesContext(connection) as captured:
            assert doctors.get(page_of(report), headers=UNATTENDED).status_code == 200
        return len(captured)

    assert queries(4) == queries(1)


def test_a_technician_reads_and_downloads_but_does_not_sign(at_desk: Client, doctor: Any) -> None:
    report, *_rest = scenes.draft(doctor)
    page = at_desk.get(page_of(report)).content.decode()
    assert "A doctor signs this report." in page
    assert "Your password" not in page
    for name in FORMS:
        response = at_desk.post(reverse(name, args=[report.pk]), {"password": factories.PASSWORD})
        assert response.status_code == 403
    assert scenes.stored(doctor, report).status == Report.Status.DRAFT


@pytest.mark.parametrize(("who", "status"), [("administrators", 403), ("strangers", 404)])
def test_others_see_nothing_and_do_nothing(
    request: pytest.FixtureRequest, doctor: Any, who: str, status: int
) -> None:
    report, *_rest = scenes.draft(doctor)
    other = request.getfixturevalue(who)
    for name in ("reports:report", "reports:pdf", "reports:pdf-status"):
        assert other.get(reverse(name, args=[report.pk])).status_code == status
    for name in FORMS:
        response = other.post(reverse(name, args=[report.pk]), {"password": factories.PASSWORD})
        assert response.status_code == status
    address = reverse("reports:patient-reports", args=[report.patient_id])
    assert other.get(address).status_code == status
    assert scenes.stored(doctor, report).status == Report.Status.DRAFT
    assert scenes.events(doctor, "report.viewed") == 0


def test_a_patients_reports(doctors: Client, at_desk: Client, doctor: Any) -> None:
    report, study, *_rest = scenes.signed(doctor)
    address = reverse("reports:patient-reports", args=[study.patient_id])
    assert page_of(report) in at_desk.get(address).content.decode()
    fragment = doctors.get(address, headers={"HX-Request": "true"}).content.decode()
    assert page_of(report) in fragment
    assert "<html" not in fragment
    other = factories.patient(doctor)
    address = reverse("reports:patient-reports", args=[other.pk])
    assert b"There is no report on this patient yet." in doctors.get(address).content
    assert scenes.events(doctor, "patient.viewed", patient_id=study.patient_id) == 2
    assert scenes.events(doctor, "patient.viewed", patient_id=other.pk) == 1
