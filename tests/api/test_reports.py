"""Reports from draft to PDF."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from dermaclinic.accounts.tenancy import clinic_context
from imaging.storage import name_for, vault
from reports.models import Report
from tests import factories
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem
from tests.database import acting_as
from tests.reports import scenes

REPORTS = f"{V1}/reports/"
PASSWORD = {"password": factories.PASSWORD}
PDF = b"%PDF-1.7 stands for what the worker makes"


def url(report: Any, what: str = "") -> str:
    return f"{REPORTS}{report.pk}/{what}"


def rendered(actor: Any, report: Report, status: str = "ready", error: str = "") -> None:
    """Leave the PDF as the worker would."""
    name = name_for(report.clinic_id, report.patient_id, "0" * 64) if status == "ready" else ""
    if name:
        vault().put(name, PDF)
    with clinic_context(actor.clinic_id), acting_as("worker"):
        Report.objects.filter(pk=report.pk).update(
            pdf_status=status, pdf_name=name, pdf_error=error
        )


def test_compose_sign_and_download(as_doctor: APIClient, doctor: Any) -> None:
    study, lesions, _ = scenes.visit(doctor, lesions=2)
    ids = [str(scenes.assess(doctor, study, lesion).pk) for lesion in reversed(lesions)]
    answer = as_doctor.post(REPORTS, {"assessments": ids})
    assert answer.status_code == 201
    draft = answer.json()
    assert (draft["status"], draft["number"], draft["pdf_status"]) == ("draft", None, "none")
    assert (draft["assessments"], draft["study"]) == (ids, str(study.pk))
    signed = as_doctor.post(f"{REPORTS}{draft['id']}/sign/", PASSWORD).json()
    assert (signed["status"], signed["number"], signed["version"]) == ("signed", 1, 1)
    assert (signed["signed_by"], len(signed["content_sha256"])) == (str(doctor.user.pk), 64)
    assert (signed["pdf_status"], signed["pdf_url"]) == ("pending", None)
    rendered(doctor, Report(pk=signed["id"], clinic_id=doctor.clinic_id, patient=study.patient))
    read = as_doctor.get(f"{REPORTS}{draft['id']}/").json()
    pdf = as_doctor.get(read["pdf_url"])
    assert (pdf.status_code, pdf.content) == (200, PDF)
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf["Content-Disposition"] == 'attachment; filename="report-1.1.pdf"'
    assert pdf["Cache-Control"] == "private, no-store"
    assert [each for each in actions(doctor) if each.startswith("report.")] == [
        "report.composed", "report.signed", "report.viewed", "report.viewed",
    ]  # fmt: skip


def test_the_pdf_says_why_it_is_not_there(as_doctor: APIClient, doctor: Any) -> None:
    report, *_ = scenes.draft(doctor)
    assert "Sign it" in problem(as_doctor.get(url(report, "pdf/")), 409)["detail"]
    problem(as_doctor.post(url(report, "retry/")), 409)
    as_doctor.post(url(report, "sign/"), PASSWORD)
    assert "being made" in problem(as_doctor.get(url(report, "pdf/")), 409)["detail"]
    rendered(doctor, report, "failed", "Pango is not installed.")
    assert problem(as_doctor.get(url(report, "pdf/")), 409)["detail"] == "Pango is not installed."
    answer = as_doctor.post(url(report, "retry/"))
    assert (answer.status_code, answer.json()["pdf_status"]) == (200, "pending")
    rendered(doctor, report)
    problem(as_doctor.post(url(report, "retry/")), 409)
    assert as_doctor.get(url(report, "pdf/")).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "password"),
        ({"password": ""}, "password"),
        ({"password": "wrong"}, "password"),
        ({"password": factories.PASSWORD + " "}, "password"),
        ({"password": None}, "password"),
        ({"password": [factories.PASSWORD]}, "password"),
        ({"password": "x\0"}, "password"),
        (PASSWORD | {"signed_at": "2020-01-01T00:00:00Z"}, "signed_at"),
    ],
)
def test_no_signature_without_the_password(
    as_doctor: APIClient, doctor: Any, body: Any, field: str
) -> None:
    report, *_ = scenes.draft(doctor)
    assert field in errors(as_doctor.post(url(report, "sign/"), body))
    assert count(doctor, Report, status="draft", content__isnull=True, number=None) == 1
    assert "report.signed" not in actions(doctor)


def test_a_signed_report_stays(as_doctor: APIClient, doctor: Any) -> None:
    report, *_ = scenes.signed(doctor)
    problem(as_doctor.post(url(report, "sign/"), PASSWORD), 409)
    problem(as_doctor.delete(url(report)), 409)
    for method in (as_doctor.put, as_doctor.patch):
        problem(method(url(report), {"status": "draft"}), 405)
    assert count(doctor, Report, status="signed", number=1) == 1


def test_discard_a_draft(as_doctor: APIClient, doctor: Any) -> None:
    report, *_ = scenes.draft(doctor)
    assert as_doctor.delete(url(report)).status_code == 204
    assert count(doctor, Report) == 0
    problem(as_doctor.get(url(report)), 404)


def test_amend(as_doctor: APIClient, doctor: Any) -> None:
    report, study, lesion, _ = scenes.signed(doctor)
    newer = scenes.assess(doctor, study, lesion, management="excise")
    answer = as_doctor.post(url(report, "amend/"))
    assert answer.status_code == 201
    told = answer.json()
    assert (told["version"], told["replaces"], told["status"]) == (2, str(report.pk), "draft")
    assert told["assessments"] == [str(newer.pk)]
    problem(as_doctor.post(f"{REPORTS}{told['id']}/amend/"), 409)


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        ([], 400),
        (None, 400),
        ("x", 400),
        (["x"], 400),
        ([[]], 400),
        ([str(NOWHERE)] * 101, 400),
        ([str(NOWHERE)] * 2, 400),
        ([str(NOWHERE)], 404),
    ],
)
def test_nothing_to_compose(as_doctor: APIClient, doctor: Any, ids: Any, status: int) -> None:
    problem(as_doctor.post(REPORTS, {"assessments": ids}), status)
    assert count(doctor, Report) == 0


def test_a_report_is_of_one_visit_and_of_the_newest(as_doctor: APIClient, doctor: Any) -> None:
    made = []
    for _visit in range(2):
        study, [lesion], _ = scenes.visit(doctor)
        made.append(scenes.assess(doctor, study, lesion))
    both = {"assessments": [str(each.pk) for each in made]}
    assert "assessments" in errors(as_doctor.post(REPORTS, both))
    scenes.assess(doctor, study, lesion, management="excise")
    problem(as_doctor.post(REPORTS, {"assessments": [str(made[-1].pk)]}), 409)
    problem(as_doctor.post(REPORTS, {"assessments": [str(made[0].pk)], "number": 7}), 400)
    assert count(doctor, Report) == 0


def test_outsiders(
    as_technician: APIClient,
    as_administrator: APIClient,
    as_stranger: APIClient,
    as_nobody: APIClient,
    doctor: Any,
) -> None:
    report, study, lesion, _ = scenes.draft(doctor)
    made = scenes.assess(doctor, study, lesion)
    refused = [
        (as_technician, 403), (as_administrator, 403), (as_stranger, 404), (as_nobody, 401),
    ]  # fmt: skip
    for client, status in refused:
        problem(client.post(REPORTS, {"assessments": [str(made.pk)]}), status)
        problem(client.post(url(report, "sign/"), PASSWORD), status)
        problem(client.post(url(report, "amend/")), status)
        problem(client.post(url(report, "retry/")), status)
        problem(client.delete(url(report)), status)
    for client, status in refused[1:]:
        problem(client.get(url(report)), status)
        problem(client.get(url(report, "pdf/")), status)
    assert as_technician.get(url(report)).status_code == 200
    assert count(doctor, Report, status="draft") == 1
    assert actions(doctor).count("report.viewed") == 1
