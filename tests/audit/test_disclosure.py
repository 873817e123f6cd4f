"""Who looked at my record: whole, in plain words, of one patient alone, and on record itself."""

import io
from typing import Any

import pytest
from django.urls import reverse
from pypdf import PdfReader

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import system_actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import disclosure, record
from dermaclinic.audit.models import Event
from dermaclinic.audit.vocabulary import ACTIONS
from dermaclinic.errors import Forbidden, Invalid, NotFound
from patients import selectors
from reports import accesses
from tests import factories
from tests.pages.conftest import browser, grown_stale

pytestmark = pytest.mark.django_db


def look(actor: Any, patient: Any, times: int = 1) -> None:
    for _time in range(times):
        with clinic_context(actor.clinic_id):
            audit.viewed_patient(actor, patient)


def events(actor: Any, action: str) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action=action).order_by("id"))


def words(data: bytes) -> str:
    return " ".join(" ".join(p.extract_text().split()) for p in PdfReader(io.BytesIO(data)).pages)


def deeds(lines: list[disclosure.Line]) -> list[tuple[str, str, int]]:
    return sorted((line.person, line.what, line.times) for line in lines)


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, consent=False, family_name="Listmann", mrn="LIST-1")


def test_people_jobs_and_refusals_are_told_apart(
    administrator: Any, technician: Any, doctor: Any, patient: Any
) -> None:
    look(doctor, patient, 3)
    job = system_actor(doctor.clinic_id, task="render")
    with clinic_context(doctor.clinic_id):
        record.write([record.event(job, "report.rendered", patient=patient.pk)])
    with pytest.raises(Forbidden):
        policies.require(administrator, "change", patient)
    found = accesses.of_patient(actor=administrator, patient_id=patient.pk).accesses
    assert deeds(found.people) == sorted(
        [(doctor.name, "opened your record", 3), (technician.name, "made your record", 1)]
    )
    assert deeds(found.software) == [("", "made the document of a report about you", 1)]
    assert deeds(found.refused) == [
        (
            administrator.name,
            "asked for something of yours that their role does not allow",
            1,
        )
    ]
    assert {line.why for line in found.people} == {"treatment"}
    assert (found.events, found.persons) == (6, 2)


def test_a_search_that_showed_ten_patients_tells_each_of_themselves_alone(
    administrator: Any, technician: Any
) -> None:
    listed = [
        factories.patient(technician, family_name=f"Zehnmal{letter}", given_name=f"G{letter}")
        for letter in "ABCDEFGHIJ"
    ]
    selectors.search(actor=technician, q="zehnmal")
    for patient in (listed[0], listed[-1]):
        data = accesses.document(actor=administrator, patient_id=patient.pk)
        text = words(data)
        assert "made a search that listed you" in text
        assert patient.family_name in text
        for other in listed:
            if other != patient:
                for secret in (other.family_name, other.mrn, str(other.pk)):
                    assert secret not in text
                    assert secret.encode() not in data


def test_the_document_says_who_when_what_why_and_which_rights(
    administrator: Any, doctor: Any, patient: Any
) -> None:
    look(doctor, patient, 2)
    text = words(accesses.document(actor=administrator, patient_id=patient.pk))
    for part in (
        "Who looked at your record", "Listmann", "LIST-1", doctor.name, "doctor",
        "opened your record (2 times)", "treatment", "article 15", "article 77",
        f"by {administrator.name}", "3 entries",
    ):  # fmt: skip
        assert part in text
    assert "C-579/21" not in text
    assert "192.0.2.1" not in text


def test_without_names_only_roles_are_told(administrator: Any, doctor: Any, patient: Any) -> None:
    look(doctor, patient)
    text = words(accesses.document(actor=administrator, patient_id=patient.pk, named=False))
    assert doctor.name not in text
    assert "Doctor opened your record" in text
    assert "C-579/21" in text


def test_it_is_a_disclosure_on_record_for_the_patient(doctor: Any, patient: Any) -> None:
    accesses.document(actor=doctor, patient_id=patient.pk)
    (event,) = events(doctor, "audit.disclosed")
    assert (event.patient_id, event.purpose) == (patient.pk, "PATRQT")
    assert event.detail == {"filters": {}, "rows": 1, "named": True}
    again = accesses.of_patient(actor=doctor, patient_id=patient.pk).accesses
    assert (doctor.name, "made this list for you", 1) in deeds(again.people)
    (event,) = events(doctor, "audit.accesses_viewed")
    assert event.purpose == "PATRQT"


def test_who_may_not_gets_nothing(technician: Any, stranger: Any, patient: Any) -> None:
    for actor, error in ((technician, Forbidden), (stranger, NotFound)):
        with pytest.raises(error):
            accesses.of_patient(actor=actor, patient_id=patient.pk)
        with pytest.raises(error):
            accesses.document(actor=actor, patient_id=patient.pk)
    assert events(technician, "audit.disclosed") == []
    assert events(technician, "audit.accesses_viewed") == []


def test_a_list_of_a_time_holds_that_time(administrator: Any, doctor: Any, patient: Any) -> None:
    look(doctor, patient)
    today = events(doctor, "patient.viewed")[0].at.date()
    of_today = accesses.of_patient(actor=administrator, patient_id=patient.pk, since=today)
    assert of_today.accesses.people
    before = accesses.of_patient(
        actor=administrator, patient_id=patient.pk, until=today.replace(year=2020)
    )
    assert before.accesses.lines == 0


def test_a_list_too_long_is_refused_and_not_cut(
    administrator: Any, doctor: Any, patient: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(disclosure, "MOST_LINES", 1)
    look(doctor, patient)
    with pytest.raises(Invalid):
        accesses.document(actor=administrator, patient_id=patient.pk)
    assert events(administrator, "audit.disclosed") == []


def test_days_and_hours_are_the_clinics(
    administrator: Any, doctor: Any, patient: Any, settings: Any
) -> None:
    look(doctor, patient)
    at = events(doctor, "patient.viewed")[0].at
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        settings.CLINIC_TIME_ZONE = name
        found = accesses.of_patient(actor=administrator, patient_id=patient.pk).accesses
        assert {line.day for line in found.people} == {at.astimezone(disclosure.zone()).date()}
        page = browser(administrator).get(reverse("reports:accesses", args=[patient.pk]))
        assert at.astimezone(disclosure.zone()).strftime("%H:%M") in page.content.decode()


def test_the_pages(administrator: Any, doctor: Any, technician: Any, patient: Any) -> None:
    look(doctor, patient)
    page = reverse("reports:accesses", args=[patient.pk])
    shown = browser(administrator).get(page, {"people": "roles"}).content.decode()
    assert "opened your record" in shown
    assert doctor.name not in shown
    bad = browser(administrator).get(page, {"since": "2026-02-02", "until": "2026-02-01"})
    assert "before the first one" in bad.content.decode()
    file = browser(doctor).get(reverse("reports:accesses-pdf", args=[patient.pk]))
    assert file["Content-Type"] == "application/pdf"
    assert "no-store" in file["Cache-Control"]
    assert "Listmann" not in file["Content-Disposition"]
    assert file.content.startswith(b"%PDF-")
    asked = grown_stale(browser(doctor)).get(reverse("reports:accesses-pdf", args=[patient.pk]))
    assert asked.url.startswith(reverse("confirm"))
    assert browser(technician).get(page).status_code == 403
    assert len(events(administrator, "audit.disclosed")) == 1


def test_every_word_for_the_patient_belongs_to_an_action() -> None:
    assert set(disclosure.WORDS) | set(disclosure.ASIDE) <= set(ACTIONS)
