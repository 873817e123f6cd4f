"""Images in the wrong place: the held ones, and those to be moved."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.audit.models import Event
from imaging.models import Instance, Quarantine
from tests import factories
from tests.imaging import files
from tests.imaging.dicoms import dicom
from tests.pages.test_visits import upload

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]
REASON = "The camera was still set to the patient before."


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, mrn="N-1", family_name="Lindqvist")


@pytest.fixture
def study(technician: Any, patient: Any) -> Any:
    return factories.study(technician, patient)


@pytest.fixture
def held(at_desk: Client, study: Any, rows: Rows) -> Any:
    """A file that names somebody else."""
    file = dicom(PatientID="N-2", PatientName="Lindquist^Maria", PatientBirthDate="19610314")
    response = upload(at_desk, study, file, name="a.dcm")
    assert response.status_code == 409
    (row,) = rows(Quarantine)
    assert response.json()["link"] == reverse("imaging:held-item", args=[row.pk])
    return row


def decide(client: Client, held: Any, how: str, **fields: str) -> Any:
    return client.post(reverse(f"imaging:{how}", args=[held.pk]), fields)


def test_the_list_and_the_page_show_what_does_not_fit(at_desk: Client, held: Any) -> None:
    listed = at_desk.get(reverse("imaging:held")).content.decode()
    page = at_desk.get(reverse("imaging:held-item", args=[held.pk])).content.decode()
    assert reverse("imaging:held-item", args=[held.pk]) in listed
    for text in ("N-2", "N-1", "Lindquist", "Lindqvist", "1961-03-14", "1970-01-01"):
        assert text in page


def test_the_list_is_a_look_at_each(at_desk: Client, held: Any, patient: Any, rows: Rows) -> None:
    assert b"Lindqvist" in at_desk.get(reverse("imaging:held")).content
    (look,) = rows(Event, action="quarantine.viewed")
    assert (look.object_id, look.patient_id) == (str(held.pk), patient.pk)


def test_two_identifiers_and_a_reason_file_it(
    at_desk: Client, held: Any, study: Any, rows: Rows
) -> None:
    response = decide(at_desk, held, "accept", mrn="N-1", birth_date="1970-01-01", reason=REASON)
    assert response.url == reverse("imaging:visit", args=[study.pk])
    (image,) = rows(Instance)
    assert image.study_id == study.pk
    (settled,) = rows(Quarantine)
    assert (settled.resolution, settled.reason) == ("accepted", REASON)
    assert b"Nothing is held" in at_desk.get(reverse("imaging:held")).content
    page = at_desk.get(reverse("imaging:held-item", args=[held.pk])).content.decode()
    assert "accepted" in page
    assert REASON in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"mrn": "N-1", "reason": REASON}, "at least two identifiers"),
        ({"mrn": "N-1", "family_name": "Lindquist", "reason": REASON}, "as they stand"),
        ({"mrn": "N-1", "family_name": "Lindqvist"}, "required"),
        ({"mrn": "N-1", "birth_date": "yesterday", "reason": REASON}, "valid date"),
    ],
)
def test_less_files_nothing(
    at_desk: Client, held: Any, rows: Rows, fields: dict[str, str], sentence: str
) -> None:
    response = decide(at_desk, held, "accept", **fields)
    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert not rows(Instance)
    assert rows(Quarantine)[0].resolution == "open"


def test_discarding_needs_a_reason(at_desk: Client, held: Any, rows: Rows) -> None:
    assert decide(at_desk, held, "discard").status_code == 400
    assert rows(Quarantine)[0].resolution == "open"
    assert decide(at_desk, held, "discard", **{"discard-reason": REASON}).status_code == 302
    assert rows(Quarantine)[0].resolution == "discarded"
    assert not rows(Instance)


def test_only_this_clinics_staff_decide(
    strangers: Client, administrators: Client, held: Any, rows: Rows
) -> None:
    right = {"mrn": "N-1", "birth_date": "1970-01-01", "reason": REASON}
    assert decide(strangers, held, "accept", **right).status_code == 404
    assert decide(administrators, held, "accept", **right).status_code == 403
    assert administrators.get(reverse("imaging:held")).status_code == 403
    assert rows(Quarantine)[0].resolution == "open"


def test_the_same_image_of_another_patient_is_held_and_explained(
    at_desk: Client, technician: Any, study: Any, rows: Rows
) -> None:
    other = factories.study(technician, factories.patient(technician))
    upload(at_desk, other, files.jpeg())
    assert upload(at_desk, study, files.jpeg()).status_code == 409
    (held,) = rows(Quarantine)
    page = at_desk.get(reverse("imaging:held-item", args=[held.pk])).content
    assert b"already in another patient" in page


@pytest.fixture
def image(at_desk: Client, study: Any, rows: Rows) -> Any:
    upload(at_desk, study, files.jpeg())
    return rows(Instance)[0]


@pytest.fixture
def right_study(technician: Any) -> Any:
    """A visit of the person whose image it really is."""
    right = factories.patient(technician, family_name="Okafor", birth_date=date(1984, 11, 2))
    return factories.study(technician, right)


def test_a_misfiled_image_goes_where_it_belongs(
    at_desk: Client, image: Any, right_study: Any, rows: Rows
) -> None:
    address = reverse("imaging:move", args=[image.pk])
    assert str(right_study.pk) not in at_desk.get(address).content.decode()
    assert str(right_study.pk) in at_desk.post(address, {"q": "okafor"}).content.decode()

    target = {"study": str(right_study.pk), "reason": REASON}
    response = at_desk.post(reverse("imaging:move-to", args=[image.pk]), target)
    assert response.url == reverse("imaging:visit", args=[right_study.pk])
    (moved,) = rows(Instance)
    assert (moved.study_id, moved.patient_id) == (right_study.pk, right_study.patient_id)


def test_another_visit_of_the_same_patient_is_offered_at_once(
    at_desk: Client, technician: Any, patient: Any, image: Any
) -> None:
    other = factories.study(technician, patient)
    page = at_desk.get(reverse("imaging:move", args=[image.pk])).content.decode()
    assert f'value="{other.pk}"' in page
    assert f'value="{image.study_id}"' not in page


def test_without_visit_or_reason_it_stays(
    at_desk: Client, image: Any, right_study: Any, study: Any, rows: Rows
) -> None:
    address = reverse("imaging:move-to", args=[image.pk])
    for fields in ({"reason": REASON}, {"study": str(right_study.pk), "reason": "  "}):
        response = at_desk.post(address, fields | {"q": "okafor"})
        assert response.status_code == 400
        assert b"Where does this image belong" in response.content
    assert rows(Instance)[0].study_id == study.pk


def test_not_into_the_record_of_somebody_who_never_agreed(
    at_desk: Client, technician: Any, image: Any, study: Any, rows: Rows
) -> None:
    silent = factories.study(technician, factories.patient(technician, consent=False))
    target = {"study": str(silent.pk), "reason": REASON}
    response = at_desk.post(reverse("imaging:move-to", args=[image.pk]), target)
    assert response.status_code == 400
    assert b"consent to photographs" in response.content
    assert rows(Instance)[0].study_id == study.pk
