"""Exports: whole, harmless in a spreadsheet, valid FHIR, on record, behind the wall to the end."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle

from dermaclinic import audit, csv_safe
from dermaclinic.accounts.actor import member_actor
from dermaclinic.accounts.tenancy import clinic_context, current_clinic
from dermaclinic.audit import export, sealer
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import browser, grown_stale

# Really committed: a streaming response must find its rows without a transaction around the test.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(administrator: Any) -> Client:
    return browser(administrator)


def looks(actor: Any, number: int) -> Any:
    patient = factories.patient(actor, consent=False)
    for _number in range(number):
        with clinic_context(actor.clinic_id):
            audit.viewed_patient(actor, patient)
    return patient


def body(response: Any) -> str:
    assert response.status_code == 200
    assert response.streaming
    return b"".join(response.streaming_content).decode()


def exported(actor: Any) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action="audit.exported").order_by("id"))


def get(client: Client, form: str, **filters: Any) -> Any:
    return client.get(reverse(f"audit:export-{form}"), filters)


@pytest.mark.parametrize("portion", [1, 2, 5, 1000])
def test_a_table_holds_every_entry_once_across_portions(
    client: Client, administrator: Any, technician: Any, stranger: Any, monkeypatch: Any,
    portion: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(export, "PORTION", portion)
    patient = looks(technician, 5)
    looks(stranger, 2)
    response = get(client, "csv", patient=patient.pk, action="patient.viewed")
    table = list(csv.DictReader(io.StringIO(body(response), newline="")))
    assert len(table) == 5
    numbers = [int(row["number"]) for row in table]
    assert numbers == sorted(set(numbers))
    assert {row["patient"] for row in table} == {str(patient.pk)}
    assert {row["actor_name"] for row in table} == {technician.name}
    assert table[0]["action_words"] == "opened a patient's record"
    assert "attachment" in response["Content-Disposition"]
    assert "no-store" in response["Cache-Control"]
    (event,) = exported(administrator)
    assert event.detail == {
        "form": "csv",
        "filters": {"patient": str(patient.pk), "action": "patient.viewed"},
        "rows": 5,
    }


def test_a_person_called_like_a_formula_runs_nowhere(
    client: Client, clinic: Any, technician: Any
) -> None:
    member = factories.membership(clinic, "doctor", full_name='=HYPERLINK("http://x.example")')
    patient = factories.patient(technician, consent=False)
    with clinic_context(clinic.pk):
        audit.viewed_patient(member_actor(member), patient)
    text = body(get(client, "csv", actor=member.user.pk))
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["actor_name"] == '\'=HYPERLINK("http://x.example")'
    assert ",=" not in text
    assert '"=' not in text


def test_a_line_each_and_a_bundle_are_fhir(client: Client, technician: Any) -> None:
    looks(technician, 3)
    lines = body(get(client, "ndjson")).splitlines()
    events = [AuditEvent.model_validate_json(line) for line in lines]
    assert [each.subtype[-1].code for each in events] == ["patient.registered"] + [
        "patient.viewed"
    ] * 3
    text = body(get(client, "bundle", action="patient.viewed"))
    bundle = Bundle.model_validate_json(text)
    assert bundle.type == "collection"
    assert len(bundle.entry) == 3
    assert [each["resource"]["id"] for each in json.loads(text)["entry"]] == [
        str(each.id) for each in events[1:]
    ]


@pytest.mark.parametrize("form", ["csv", "ndjson", "bundle"])
def test_nothing_that_fits_is_an_empty_file(client: Client, administrator: Any, form: str) -> None:
    text = body(get(client, form, outcome="alarm"))
    if form == "csv":
        assert text == csv_safe.row(export.COLUMNS)
    elif form == "ndjson":
        assert text == ""
    else:
        assert Bundle.model_validate_json(text).entry is None
    assert exported(administrator)[0].detail["rows"] == 0


def test_between_portions_nothing_is_held(
    administrator: Any, technician: Any, monkeypatch: Any
) -> None:
    """No transaction, no clinic: a slow download neither stops the sealer nor lends its context."""
    monkeypatch.setattr(export, "PORTION", 2)
    looks(technician, 5)
    text: Iterator[str] = export.export(
        actor=administrator, filters={"action": "patient.viewed"}, form="ndjson"
    )
    pieces = []
    for piece in text:
        pieces.append(piece)
        assert current_clinic() is None
        assert not connection.in_atomic_block
        if len(pieces) == 2:
            with acting_as("sealer"):
                assert sealer.seal_once() > 0
    assert len("".join(pieces).splitlines()) == 5


def test_a_broken_off_download_is_on_record_all_the_same(
    administrator: Any, technician: Any
) -> None:
    looks(technician, 1)
    text = export.export(actor=administrator, filters={}, form="csv")
    del text
    assert exported(administrator)[0].detail["rows"] == 2


def test_what_came_later_is_not_in_it(administrator: Any, technician: Any) -> None:
    looks(technician, 1)
    text = export.export(actor=administrator, filters={}, form="ndjson")
    looks(technician, 1)
    assert len("".join(text).splitlines()) == 2


def test_nobody_else_takes_anything_along(
    clinic: Any, technician: Any, doctor: Any, administrator: Any
) -> None:
    looks(technician, 1)
    for actor in (technician, doctor):
        assert get(browser(actor), "csv").status_code == 403
        with pytest.raises(Forbidden):
            export.export(actor=actor, filters={}, form="csv")
    assert exported(administrator) == []


def test_senseless_filters_and_other_methods_export_nothing(
    client: Client, administrator: Any
) -> None:
    assert get(client, "csv", since="2026-02-02", until="2026-02-01").status_code == 400
    assert client.head(reverse("audit:export-csv")).status_code == 405
    assert exported(administrator) == []


@pytest.mark.parametrize("form", ["csv", "ndjson", "bundle"])
def test_whoever_sits_there_proves_anew_who_they_are(
    client: Client, administrator: Any, form: str
) -> None:
    answer = get(grown_stale(client), form, outcome="denied")
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("confirm"))
    assert f"export%2F{form}" in answer.url
    assert exported(administrator) == []
