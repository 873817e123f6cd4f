"""The administrator's page: everything is there, in words, and reading it is on record."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from dermaclinic import audit
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import selectors, vocabulary
from dermaclinic.audit.models import Event
from tests import factories
from tests.imaging import files
from tests.pages.test_visits import upload
from tests.reports import scenes

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]
PAGE = "audit:events"


def actions(response: Any) -> list[str]:
    return [event.action for event in response.context["page"].events]


def test_every_action_and_object_has_words() -> None:
    folder = Path(inspect.getfile(audit)).parent / "actions"
    source = "".join(each.read_text() for each in folder.glob("*.py"))
    written = set(re.findall(r'"([a-z]+\.[a-z_]+)"', source)) - set(vocabulary.OBJECTS)
    written -= {m._meta.label_lower for m in apps.get_models()}
    assert written
    assert written <= set(vocabulary.ACTIONS)
    assert set(vocabulary.OBJECTS) <= {m._meta.label_lower for m in apps.get_models()}


def test_who_did_and_saw_what(administrators: Client, at_desk: Client, technician: Any) -> None:
    patient = factories.patient(technician)
    at_desk.get(reverse("patients:detail", args=[patient.pk]))
    page = administrators.get(reverse(PAGE)).content.decode()
    assert "opened a patient&#x27;s record" in page or "opened a patient's record" in page
    assert technician.name in page
    assert patient.mrn in page
    assert "not yet" in page
    assert patient.family_name not in page


def test_only_administrators_read_it(at_desk: Client, doctors: Client, strangers: Client) -> None:
    for client in (at_desk, doctors, strangers):
        assert client.get(reverse(PAGE)).status_code == 403


def test_another_clinics_events_are_not_there(
    administrators: Client, stranger: Any, clinic: Any
) -> None:
    foreign = factories.patient(stranger)
    response = administrators.get(reverse(PAGE), {"patient": str(foreign.pk)})
    assert response.context["page"].events == []
    assert foreign.mrn not in response.content.decode()


def test_filters_narrow_it_down(
    administrators: Client, at_desk: Client, technician: Any, doctors: Client, doctor: Any
) -> None:
    one, other = factories.patient(technician), factories.patient(technician)
    at_desk.get(reverse("patients:detail", args=[one.pk]))
    doctors.get(reverse("patients:detail", args=[other.pk]))

    def shown(**filters: str) -> list[tuple[str, Any]]:
        page = administrators.get(reverse(PAGE), filters).context["page"]
        return [(event.action, event.patient_id) for event in page.events]

    assert shown(action="patient.viewed") == [
        ("patient.viewed", other.pk),
        ("patient.viewed", one.pk),
    ]
    assert shown(action="patient.viewed", patient=str(one.pk)) == [("patient.viewed", one.pk)]
    by_doctor = shown(actor=str(factories.user(doctor).pk))
    assert by_doctor == [("patient.viewed", other.pk)]
    assert shown(since="2999-01-01") == []
    assert shown(until="2000-01-01") == []
    assert shown(outcome="alarm") == []
    assert shown(outcome="success", action="patient.registered")


def test_a_search_that_showed_a_patient_counts_as_a_look(
    administrators: Client, at_desk: Client, technician: Any
) -> None:
    patient = factories.patient(technician, family_name="Lindqvist")
    at_desk.post(reverse("patients:find"), {"q": "lindq"})
    response = administrators.get(reverse(PAGE), {"patient": str(patient.pk)})
    assert "patient.searched" in actions(response)


def test_a_worklist_that_showed_a_patient_counts_as_a_look(
    administrators: Client, doctors: Client, doctor: Any, rows: Rows
) -> None:
    study, *_rest = scenes.visit(doctor)
    doctors.get(reverse("reports:worklist"))
    response = administrators.get(reverse(PAGE), {"patient": str(study.patient_id)})
    assert "worklist.viewed" in actions(response)
    (look,) = rows(Event, action="worklist.viewed")
    assert look.detail == {"shown": [str(study.patient_id)], "studies": [str(study.pk)]}


def test_it_is_kept_by_no_cache(administrators: Client) -> None:
    assert "no-store" in administrators.get(reverse(PAGE))["Cache-Control"]


def test_what_cannot_be_read_as_a_filter_is_explained(administrators: Client) -> None:
    response = administrators.get(
        reverse(PAGE), {"since": "2026-02-02", "until": "2026-02-01", "before": "rubbish"}
    )
    assert response.status_code == 200
    assert b"before the first one" in response.content


def test_a_record_number_leads_to_its_entries(
    administrators: Client, at_desk: Client, technician: Any, rows: Rows
) -> None:
    patient = factories.patient(technician, mrn="N-7")
    lookup = reverse("patients:audit-lookup")
    found = administrators.post(lookup, {"q": " N-7 "})
    assert found.url == f"{reverse(PAGE)}?patient={patient.pk}"
    nobody = administrators.post(lookup, {"q": "N-8"}, follow=True)
    assert b"No patient of this clinic" in nobody.content
    assert at_desk.post(lookup, {"q": "N-7"}).status_code == 403
    assert administrators.get(lookup).status_code == 405
    assert [each.detail for each in rows(Event, action="patient.searched")] == [
        {"shown": [str(patient.pk)], "fields": ["mrn"]},
        {"shown": [], "fields": ["text"]},
    ]


def test_a_name_leads_to_a_choice_of_patients_and_never_into_an_address(
    administrators: Client, technician: Any, stranger: Any, rows: Rows
) -> None:
    one = factories.patient(technician, family_name="Lindqvist", given_name="Ana")
    two = factories.patient(technician, family_name="Lindqvist", given_name="Bo")
    factories.patient(stranger, family_name="Lindqvist", given_name="Foreign")
    page = administrators.post(reverse("patients:audit-lookup"), {"q": "lindqv"})
    text = page.content.decode()
    links = re.findall(r'href="([^"]+[?]patient=[^"]+)"', text)
    assert links == [f"{reverse(PAGE)}?patient={each.pk}" for each in (one, two)]
    assert "Foreign" not in text
    assert "no-store" in page["Cache-Control"]
    (search,) = rows(Event, action="patient.searched")
    assert search.detail == {"shown": [str(one.pk), str(two.pk)], "fields": ["text"]}
    administrators.post(reverse("patients:audit-lookup"), {"q": "l"})
    assert rows(Event, action="patient.searched")[-1].detail["shown"] == []


def test_pages_follow_each_other_without_gap_or_repeat(
    administrators: Client, technician: Any, clinic: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(selectors, "PAGE", 4)
    for _ in range(5):
        factories.patient(technician, consent=False)
    filters = {"action": "patient.registered"}
    first = administrators.get(reverse(PAGE), filters).context["page"]
    rest = administrators.get(reverse(PAGE), filters | {"before": first.older}).context["page"]
    assert (len(first.events), len(rest.events), rest.older) == (4, 1, "")
    ids = [event.pk for event in (*first.events, *rest.events)]
    assert ids == sorted(set(ids), reverse=True)


def test_reading_the_audit_is_itself_on_record(administrators: Client, rows: Rows) -> None:
    administrators.get(reverse(PAGE), {"action": "patient.viewed"})
    (event,) = rows(Event, action="audit.viewed")
    assert event.detail == {"filters": {"action": "patient.viewed"}, "shown": 0}


def test_thumbnails_only_on_request(
    administrators: Client, at_desk: Client, technician: Any, rows: Rows
) -> None:
    study = factories.study(technician, factories.patient(technician))
    tile = upload(at_desk, study, files.jpeg()).content.decode()
    thumbnail = re.search(r'src="([^"]+/thumbnail/)"', tile)
    assert thumbnail
    at_desk.get(thumbnail.group(1))
    looks = {"action": "image.viewed"}
    few = administrators.get(reverse(PAGE), looks).context["page"].events
    all_ = administrators.get(reverse(PAGE), looks | {"thumbnails": "on"}).context["page"].events
    assert [event.detail["rendition"] for event in few] == ["page"]
    assert [event.detail["rendition"] for event in all_] == ["thumbnail", "page"]


def test_a_name_typed_into_a_reason_is_escaped(administrators: Client, administrator: Any) -> None:
    with clinic_context(administrator.clinic_id):
        audit.viewed_audit(administrator, filters={"x": "<script>alert(1)</script>"}, shown=0)
    page = administrators.get(reverse(PAGE)).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
