"""The pages of merging: from the record to its second one, there, and back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.tenancy import clinic_context
from patients import services as records
from patients.models import Merge, MergeUndo, Patient
from tests import factories
from tests.patients.merging import merge, undo
from tests.reports import scenes

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]
PERSON = {"family_name": "Lindqvist", "given_name": "Maria", "birth_date": "1970-01-01"}


@pytest.fixture
def two(doctor: Any) -> Any:
    """Two records of one person, the second with a visit."""
    survivor = factories.patient(doctor, mrn="M-1", phone="112 001", **PERSON)
    other = factories.patient(doctor, mrn="M-2", sex="unknown", **PERSON)
    lesion = factories.lesion(doctor, other, note="below the left shoulder blade")
    scenes.image(doctor, factories.study(doctor, other), lesion)
    return survivor, other


def page(client: Client, name: str, *ids: Any) -> str:
    return client.get(reverse(f"patients:{name}", args=ids)).content.decode()


def send(client: Client, two: Any, **fields: Any) -> Any:
    survivor, other = two
    sent = {"reason": "registered twice", "survivor_version": 1, "other_version": 1} | fields
    return client.post(reverse("patients:merge", args=[survivor.pk, other.pk]), sent)


def test_a_doctor_is_led_from_the_record_to_the_second_one(doctors: Client, two: Any) -> None:
    survivor, other = two
    find = reverse("patients:second-record", args=[survivor.pk])
    compare = reverse("patients:merge", args=[survivor.pk, other.pk])
    assert find in page(doctors, "detail", survivor.pk)
    assert compare in page(doctors, "second-record", survivor.pk)
    found = doctors.post(find, {"q": "M-2"}).content.decode()
    assert "1 record found" in found
    assert compare in found
    assert "Nobody else fits" in doctors.post(find, {"q": "M-1"}).content.decode()


def test_a_technician_sees_no_way_to_merge(at_desk: Client, two: Any) -> None:
    assert "second record" not in page(at_desk, "detail", two[0].pk)
    assert send(at_desk, two).status_code == 403


def test_the_preview_shows_what_would_happen(doctors: Client, two: Any) -> None:
    shown = page(doctors, "merge", two[0].pk, two[1].pk)
    for text in (
        "Everything of record M-2 moves to record M-1", "1 lesion", "1 visit", "1 image",
        "1 stays 1: Back", "below the left shoulder blade", "112 001", "unknown",
        "Make sure that this is one person",
    ):  # fmt: skip
        assert text in shown, text
    assert reverse("patients:merge", args=[two[1].pk, two[0].pk]) in shown, "the other way round"


def test_merged_and_undone_on_the_pages(doctors: Client, two: Any, rows: Rows) -> None:
    survivor, other = two
    done = send(doctors, two, mrn="closed", sex="survivor")
    assert done.status_code == 302
    [made] = rows(Merge)
    assert (made.chosen, made.reason) == (["mrn"], "registered twice")
    record = page(doctors, "detail", survivor.pk)
    assert "Record M-2 was merged into this one" in record
    assert "1 Jan 1970" in page(doctors, "detail", other.pk)
    assert reverse("patients:undo-merge", args=[made.pk]) in record
    closed = page(doctors, "detail", other.pk)
    assert "This record has been merged into another one" in closed
    assert reverse("patients:detail", args=[survivor.pk]) in closed
    assert "1 visit" in page(doctors, "undo-merge", made.pk)
    address = reverse("patients:undo-merge", args=[made.pk])
    assert doctors.post(address, {"reason": ""}).status_code == 409
    assert rows(MergeUndo) == []
    assert doctors.post(address, {"reason": "two people"}).status_code == 302
    record = page(doctors, "detail", survivor.pk)
    assert "undone" in record and "two people" in record
    assert "Add a lesion" in page(doctors, "detail", other.pk), "open again"


def test_a_record_that_was_changed_meanwhile_is_compared_anew(
    doctors: Client, doctor: Any, two: Any, rows: Rows
) -> None:
    records.change_patient(actor=doctor, patient_id=two[1].pk, version=1, given_name="Mary")
    said = send(doctors, two)
    assert said.status_code == 409
    assert "Compare them anew" in said.content.decode()
    assert "Mary" in said.content.decode()
    assert rows(Merge) == []


def test_what_was_entered_survives_a_refusal(doctors: Client, two: Any, rows: Rows) -> None:
    said = send(doctors, two, reason="", sex="closed").content.decode()
    assert 'name="sex" value="closed" checked' in said
    assert 'name="mrn" value="survivor" checked' in said
    assert rows(Merge) == []


def test_what_stands_in_the_way_is_said_with_the_way_there(doctors: Client, doctor: Any) -> None:
    report, study, _lesion, _image = scenes.draft(doctor)
    survivor = factories.patient(doctor)
    shown = page(doctors, "merge", survivor.pk, study.patient_id)
    assert "is not signed. Sign or discard it." in shown
    assert reverse("reports:report", args=[report.pk]) in shown
    assert "Make one record of the two" not in shown


def test_a_merge_that_cannot_be_undone_says_why(doctors: Client, doctor: Any, two: Any) -> None:
    survivor, other = two
    own = factories.lesion(doctor, survivor)
    made = merge(doctor, survivor, other)
    with clinic_context(doctor.clinic_id):
        patient = Patient.objects.get(pk=survivor.pk)
        [theirs] = patient.lesions.exclude(pk=own.pk)
    later = factories.study(doctor, patient)
    for lesion in (own, theirs):
        scenes.image(doctor, later, lesion)
    shown = page(doctors, "undo-merge", made.pk)
    assert "This merge cannot be undone as things are" in shown
    assert "lesion 2: Back" in shown
    assert "Make two records again" not in shown


def test_a_closed_record_sends_every_page_on(doctors: Client, doctor: Any, two: Any) -> None:
    survivor, other = two
    merge(doctor, survivor, other)
    start = doctors.post(reverse("imaging:start", args=[other.pk]))
    assert start.status_code == 409
    assert "Open the record that it was merged into" in start.content.decode()
    answer = doctors.post(reverse("patients:consents", args=[other.pk]), {"care": "no"})
    assert answer.status_code == 409


def test_a_search_finds_one_person_by_either_number(at_desk: Client, doctor: Any, two: Any) -> None:
    survivor, other = two
    merge(doctor, survivor, other)
    for q in ("M-2", "Lindqvist"):
        shown = at_desk.post(reverse("patients:find"), {"q": q}).content.decode()
        assert "1 patient found" in shown
        assert "formerly" in shown and "M-2" in shown
        assert reverse("patients:detail", args=[survivor.pk]) in shown
        assert reverse("patients:detail", args=[other.pk]) not in shown


def test_a_signed_report_says_that_it_is_from_before(doctors: Client, doctor: Any) -> None:
    report, study, _lesion, _image = scenes.signed(doctor)
    address = reverse("reports:report", args=[report.pk])
    note = "it keeps the name, the record number and the lesion numbers of that day"
    assert note not in doctors.get(address).content.decode()
    made = merge(doctor, factories.patient(doctor), study.patient)
    assert note in doctors.get(address).content.decode()
    undo(doctor, made)
    assert note not in doctors.get(address).content.decode()
