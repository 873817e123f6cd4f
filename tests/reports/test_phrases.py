"""The clinic's list of phrases: what may stand in it, who changes it, what the audit has of it."""

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from reports.models import Phrase
from reports.selectors.phrases import as_filled_in, in_months, phrases as listed
from reports.services import phrases
from tests.reports import scenes

pytestmark = pytest.mark.django_db
SK = {"abbreviation": "sk", "diagnoses": [scenes.KERATOSIS], "management": "discharge"}


def add(actor: Any, **changes: Any) -> Phrase:
    return phrases.add(actor=actor, **(SK | changes))


def test_a_phrase_fills_in_codes_management_date_and_sentence(doctor: Any) -> None:
    made = add(
        doctor, abbreviation=" DN ", diagnoses=[scenes.DYSPLASTIC, scenes.NEVUS],
        management="monitor", months=3, sentence="Compare in three months. ",
    )  # fmt: skip
    assert as_filled_in(made, date(2026, 11, 30)) == {
        "abbreviation": "dn",
        "diagnoses": [scenes.DYSPLASTIC, scenes.NEVUS],
        "management": "monitor",
        "due": "2027-02-28",
        "sentence": "Compare in three months.",
        "says": "Dysplastic nevus of skin: Monitor until 2027-02-28",
    }
    assert scenes.count(doctor, Event, action="phrase.added", object_id=str(made.pk)) == 1


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 12, 15), 1, date(2028, 1, 15)),
        (date(2026, 8, 31), 60, date(2031, 8, 31)),
    ],
)
def test_months_later(day: date, months: int, expected: date) -> None:
    assert in_months(day, months) == expected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"abbreviation": "s k"}, "abbreviation"),
        ({"abbreviation": ""}, "abbreviation"),
        ({"abbreviation": "ñ"}, "abbreviation"),
        ({"diagnoses": []}, "diagnoses"),
        ({"diagnoses": ["1"]}, "diagnoses"),
        ({"diagnoses": [scenes.NEVUS, scenes.NEVUS]}, "diagnoses"),
        ({"management": "forget"}, "management"),
        ({"management": "monitor"}, "months"),
        ({"management": "monitor", "months": 61}, "months"),
        ({"sentence": "x" * 501}, "sentence"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_nothing_is_stored(
    doctor: Any, changes: Any, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add(doctor, **changes)
    assert list(refused.value.errors) == [field]
    assert scenes.count(doctor, Phrase) == 0
    assert scenes.count(doctor, Event, action="phrase.added") == 0


def test_months_without_monitoring_are_left_out(doctor: Any) -> None:
    assert add(doctor, months=6).months is None


def test_an_abbreviation_stands_for_one_phrase(doctor: Any) -> None:
    add(doctor)
    with pytest.raises(Conflict):
        add(doctor, diagnoses=[scenes.NEVUS])
    assert scenes.count(doctor, Phrase) == 1


def test_a_change_keeps_before_and_after_and_refuses_who_is_late(
    doctor: Any, administrator: Any
) -> None:
    made = add(doctor)
    changed = phrases.change(
        actor=administrator, phrase_id=made.pk, version=1, **(SK | {"sentence": "Harmless."})
    )
    assert (changed.version, changed.changed_by_id) == (2, administrator.user.pk)
    with clinic_context(doctor.clinic_id):
        event = Event.objects.get(action="phrase.changed")
    assert event.detail["before"]["sentence"] == ""
    assert event.detail["after"]["sentence"] == "Harmless."
    with pytest.raises(Conflict):
        phrases.change(actor=doctor, phrase_id=made.pk, version=1, **SK)
    assert listed(doctor)[0].sentence == "Harmless."


def test_storing_the_same_changes_nothing(doctor: Any) -> None:
    made = add(doctor)
    assert phrases.change(actor=doctor, phrase_id=made.pk, version=1, **SK).version == 1
    assert scenes.count(doctor, Event, action="phrase.changed") == 0


def test_retiring_can_be_undone_unless_the_abbreviation_has_been_given_away(doctor: Any) -> None:
    made = add(doctor)
    phrases.retire(actor=doctor, phrase_id=made.pk)
    assert listed(doctor) == []
    assert listed(doctor, retired=True) == [made]
    phrases.restore(actor=doctor, phrase_id=made.pk)
    assert listed(doctor) == [made]
    phrases.retire(actor=doctor, phrase_id=made.pk)
    add(doctor, diagnoses=[scenes.NEVUS])
    with pytest.raises(Conflict):
        phrases.restore(actor=doctor, phrase_id=made.pk)
    assert listed(doctor, retired=True) == [made]


def test_the_usual_ones_are_for_a_clinic_without_a_list(doctor: Any) -> None:
    assert phrases.start(actor=doctor) == len(phrases.USUAL) == len(listed(doctor))
    with pytest.raises(Conflict):
        phrases.start(actor=doctor)
    assert scenes.count(doctor, Phrase) == len(phrases.USUAL)


def test_another_clinics_list_is_not_there(doctor: Any, stranger: Any) -> None:
    made = add(doctor)
    assert listed(stranger) == []
    with pytest.raises(NotFound):
        phrases.retire(actor=stranger, phrase_id=made.pk)
    add(stranger)  # the same abbreviation, in a clinic of its own


def test_a_technician_has_no_phrases(technician: Any) -> None:
    with pytest.raises(Forbidden):
        add(technician)
    with pytest.raises(Forbidden):
        listed(technician)


@pytest.mark.parametrize(
    "changes",
    [
        {"abbreviation": "S K"},
        {"management": "monitor"},
        {"months": 3},
        {"diagnoses": []},
        {"management": "forget"},
    ],
)
def test_the_database_refuses_what_the_service_would(doctor: Any, changes: Any) -> None:
    fields = SK | {"clinic_id": doctor.clinic_id, "changed_by": doctor.user} | changes
    with (
        clinic_context(doctor.clinic_id),
        pytest.raises(IntegrityError),
        transaction.atomic(),
    ):
        Phrase.objects.create(**fields)
