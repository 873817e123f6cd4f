"""Second readings: which cases, who may read, what closes them, and what the database refuses."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from imaging.services import move_instance
from reports.models import Assessment, SecondReading
from reports.second_reading import rules, services
from reports.services.withdrawal import withdraw_assessment
from tests import factories
from tests.database import acting_as
from tests.reports import scenes, second
from tests.reports.scenes import BOWEN, DYSPLASTIC, KERATOSIS, MELANOMA, NEVUS, SCC

IN_SITU, SUPERFICIAL = "109266006", "254730000"


@pytest.fixture(autouse=True)
def _rules(clinic: Any) -> None:
    second.rules(clinic, blinded_first=False)


@pytest.fixture
def other(clinic: Any) -> Any:
    """A second doctor."""
    return factories.actor(clinic, "doctor")


# ---- which cases ----


def test_a_listed_condition_is_read_twice(doctor: Any) -> None:
    made, study, lesion, _image = second.read_first(doctor)
    [reading] = second.asked(doctor)
    assert (reading.first, reading.study, reading.lesion) == (made, study, lesion)
    assert (reading.reason, reading.waiting, reading.reader) == ("condition", True, None)
    assert scenes.events(doctor, "second_reading.asked", object_id=str(reading.pk)) == 1


def test_a_class_that_is_listed_means_its_subtypes(doctor: Any) -> None:
    second.read_first(doctor, SUPERFICIAL)
    assert [each.reason for each in second.asked(doctor)] == ["condition"]


def test_only_the_most_likely_diagnosis_counts(doctor: Any) -> None:
    second.read_first(doctor, NEVUS, MELANOMA)
    assert second.asked(doctor) == []


@pytest.fixture
def benign(doctor: Any) -> Any:
    """Assesses a lesion of which the opinion says nevus."""

    def made(code: str = NEVUS, status: str = "ready", **changes: Any) -> Assessment:
        scenes.model()
        study, [lesion], [image] = scenes.visit(doctor)
        scenes.finish(doctor, image, status=status, first={"nv": 0.8, "mel": 0.1})
        return scenes.assess(doctor, study, lesion, code, reason="Seen.", **changes)

    return made


def test_all_agreed_benign_cases_where_the_share_is_whole(
    clinic: Any, doctor: Any, benign: Any
) -> None:
    second.rules(clinic, codes=[], share=1.0)
    benign()
    assert [each.reason for each in second.asked(doctor)] == ["sample"]
    benign(KERATOSIS)  # partly
    benign(BOWEN)  # malignant
    benign(status="declined")  # nobody to agree with
    assert len(second.asked(doctor)) == 1


def test_none_where_the_share_is_nothing(clinic: Any, doctor: Any, benign: Any) -> None:
    second.rules(clinic, codes=[], share=0.0)
    benign()
    assert second.asked(doctor) == []


def test_the_draw_is_the_share_and_the_same_again(
    clinic: Any, doctor: Any, benign: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place just below the share is drawn, just above it is not; anew it is the same."""
    second.rules(clinic, codes=[], share=0.05)
    monkeypatch.setattr(rules, "drawn", lambda *_ids: 0.0499)
    made = benign()
    monkeypatch.setattr(rules, "drawn", lambda *_ids: 0.05)
    benign()
    assert [each.first for each in second.asked(doctor)] == [made]


def test_draws_spread_evenly_and_depend_on_the_clinic(clinic: Any, other_clinic: Any) -> None:
    pairs = [(uuid.UUID(int=number), uuid.UUID(int=number + 7)) for number in range(4000)]
    places = [rules.drawn(clinic.pk, *pair) for pair in pairs]
    assert places == [rules.drawn(clinic.pk, *pair) for pair in pairs]
    assert all(0 <= place < 1 for place in places)
    share = sum(place < 0.05 for place in places) / len(places)
    assert abs(share - 0.05) < 0.0155  # 4.5 standard deviations
    assert places[:9] != [rules.drawn(other_clinic.pk, *pair) for pair in pairs[:9]]


def test_a_first_impression_waits_for_its_confirmation(clinic: Any, doctor: Any) -> None:
    """Blinded, a melanoma against a nevus: asked about once its author has said what holds."""
    second.rules(clinic, blinded_first=True)
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, first={"nv": 0.8, "bkl": 0.1, "vasc": 0.05})
    first = scenes.assess(doctor, study, lesion, MELANOMA, management="excise")
    assert (first.blinded, first.agreement) == (True, "differs")
    assert second.asked(doctor) == []
    kept = scenes.assess(doctor, study, lesion, MELANOMA, management="excise", reason="Streaks.")
    assert [each.first for each in second.asked(doctor)] == [kept]


# ---- what ends it unread ----


def test_a_new_version_is_read_instead(doctor: Any) -> None:
    _made, study, lesion, _image = second.read_first(doctor)
    newer = scenes.assess(doctor, study, lesion, MELANOMA, management="refer", reason="Large.")
    old, new = second.asked(doctor)
    assert (old.closed_why, new.waiting, new.first) == ("superseded", True, newer)
    scenes.assess(doctor, study, lesion, NEVUS, reason="Looked again.", management="discharge")
    assert [each.closed_why for each in second.asked(doctor)] == ["superseded"] * 2


def test_what_is_taken_back_is_not_read_and_what_stands_again_is(doctor: Any) -> None:
    made, study, lesion, _image = second.read_first(doctor)
    newer = scenes.assess(doctor, study, lesion, MELANOMA, management="refer", reason="Large.")
    withdraw_assessment(actor=doctor, assessment_id=newer.pk)
    *closed, again = second.asked(doctor)
    assert [each.closed_why for each in closed] == ["superseded", "withdrawn"]
    assert (again.first, again.waiting) == (made, True)
    withdraw_assessment(actor=doctor, assessment_id=made.pk)
    assert not [each for each in second.asked(doctor) if each.closed_at is None]


def test_an_image_that_is_moved_ends_it(doctor: Any) -> None:
    _made, study, _lesion, image = second.read_first(doctor)
    target = factories.study(doctor, study.patient)
    move_instance(actor=doctor, instance_id=image.pk, study_id=target.pk, reason="misfiled")
    assert [each.closed_why for each in second.asked(doctor)] == ["moved"]


# ---- claims ----


def test_a_claim_locks_and_expires(doctor: Any, other: Any, clinic: Any) -> None:
    reading = second.claimed(doctor, other)
    third = factories.actor(clinic, "doctor")
    with pytest.raises(Conflict, match=factories.user(other).full_name):
        services.claim(actor=third, reading_id=reading.pk)
    with clinic_context(clinic.pk), acting_as("owner"):
        SecondReading.objects.update(claim_expires_at=Now() - timedelta(seconds=1))
    taken = services.claim(actor=third, reading_id=reading.pk)
    assert taken.claimed_by == third.user
    with pytest.raises(Conflict, match="holds this second reading"):
        second.read(other, reading)


def test_a_claim_can_be_given_back(doctor: Any, other: Any) -> None:
    reading = second.claimed(doctor, other)
    services.release(actor=other, reading_id=reading.pk)
    services.release(actor=other, reading_id=reading.pk)
    [stored] = second.asked(doctor)
    assert (stored.claimed_by, stored.claim_expires_at) == (None, None)
    assert scenes.events(other, "second_reading.released") == 1


def test_the_first_reader_never_reads_second(doctor: Any) -> None:
    reading = second.waiting(doctor)
    with pytest.raises(Conflict, match="You have read this lesion first"):
        services.claim(actor=doctor, reading_id=reading.pk)
    assert scenes.events(doctor, "second_reading.claimed") == 0


def test_others_find_nothing_or_may_not(
    doctor: Any, technician: Any, administrator: Any, stranger: Any
) -> None:
    reading = second.waiting(doctor)
    with pytest.raises(NotFound):
        services.claim(actor=stranger, reading_id=reading.pk)
    for who in (technician, administrator):
        with pytest.raises(Forbidden):
            services.claim(actor=who, reading_id=reading.pk)
    assert second.asked(doctor)[0].claimed_by is None


# ---- recording ----


def test_a_reading_that_agrees_closes_it(doctor: Any, other: Any) -> None:
    reading = second.claimed(doctor, other)
    done = second.read(other, reading, comment=" Blue veil. ")
    assert (done.outcome, done.closed_why, done.comment) == ("agrees", "agreed", "Blue veil.")
    assert done.reader == other.user
    again = second.read(other, reading, comment="Blue veil.")
    assert again.read_at == done.read_at
    assert scenes.events(other, "second_reading.recorded") == 1


def test_without_a_claim_nothing_is_recorded(doctor: Any, other: Any) -> None:
    reading = second.waiting(doctor)
    with pytest.raises(Conflict, match="Claim this second reading first"):
        second.read(other, reading)
    assert second.asked(doctor)[0].waiting


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"diagnoses": []}, "diagnoses"),
        ({"diagnoses": [NEVUS, NEVUS]}, "diagnoses"),
        ({"diagnoses": ["12345678"]}, "diagnoses"),
        ({"management": "pray"}, "management"),
        ({"management": "monitor"}, "due"),
        ({"management": "monitor", "due": timezone.localdate()}, "due"),
    ],
)
def test_what_makes_no_sense_is_refused(
    doctor: Any, other: Any, change: dict[str, Any], field: str
) -> None:
    reading = second.claimed(doctor, other)
    with pytest.raises(Invalid) as refused:
        services.record(
            actor=other,
            reading_id=reading.pk,
            **({"diagnoses": [NEVUS], "management": "discharge"} | change),
        )
    assert list(refused.value.errors) == [field]
    assert second.asked(doctor)[0].waiting


def test_a_first_reading_that_changed_meanwhile_is_not_read(doctor: Any, other: Any) -> None:
    reading = second.claimed(doctor, other)
    scenes.assess(
        doctor, reading.study, reading.lesion, MELANOMA, management="refer", reason="Large."
    )
    with pytest.raises(Conflict, match="has changed meanwhile"):
        second.read(other, reading)
    assert [each.read_at for each in second.asked(doctor)] == [None, None]


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (([MELANOMA], "excise"), ([MELANOMA], "excise"), "agrees"),
        (([MELANOMA], "excise"), ([SUPERFICIAL], "excise"), "agrees"),
        (([MELANOMA], "excise"), ([MELANOMA], "refer"), "partly"),
        (([MELANOMA], "excise"), ([IN_SITU], "excise"), "differs"),
        (([MELANOMA], "excise"), ([IN_SITU, MELANOMA], "excise"), "partly"),
        (([MELANOMA, NEVUS], "excise"), ([NEVUS], "refer"), "partly"),
        (([MELANOMA, NEVUS], "excise"), ([NEVUS], "monitor"), "differs"),
        (([NEVUS], "discharge"), ([DYSPLASTIC], "discharge"), "agrees"),
        (([NEVUS], "discharge"), ([NEVUS], "monitor"), "partly"),
        (([NEVUS], "discharge"), ([NEVUS], "excise"), "differs"),
        (([NEVUS], "discharge"), ([NEVUS], "retake"), "partly"),
        (([NEVUS], "discharge"), ([KERATOSIS], "discharge"), "differs"),
        (([SCC], "excise"), ([BOWEN], "excise"), "differs"),
    ],
)
def test_when_two_readings_differ(first: Any, then: Any, expected: str) -> None:
    assert rules.outcome(*first, *then) == expected
    assert rules.outcome(*then, *first) == expected


# ---- what the database refuses by itself ----


def tried(actor: Any, reading: SecondReading, **values: Any) -> None:
    with clinic_context(actor.clinic_id), transaction.atomic():
        SecondReading.objects.filter(pk=reading.pk).update(**values)


def test_the_database_keeps_the_first_reader_away(doctor: Any) -> None:
    reading = second.waiting(doctor)
    with pytest.raises(DatabaseError, match="another doctor"):
        tried(doctor, reading, claimed_by=doctor.user, claim_expires_at=timezone.now())


@pytest.mark.parametrize(
    "values",
    [
        {"comment": "changed"},
        {"management": "discharge"},
        {"outcome": "differs"},
        {"closed_at": None, "closed_why": ""},
        {"reason": "sample"},
    ],
)
def test_what_was_read_stays(doctor: Any, other: Any, values: dict[str, Any]) -> None:
    reading = second.claimed(doctor, other)
    second.read(other, reading)
    with pytest.raises(DatabaseError):
        tried(doctor, reading, **values)


def test_what_was_asked_for_stays(doctor: Any) -> None:
    reading = second.waiting(doctor)
    for values in ({"reason": "sample"}, {"asked_at": timezone.now()}):
        with pytest.raises(DatabaseError, match="may change"):
            tried(doctor, reading, **values)
    with (
        pytest.raises(DatabaseError),
        clinic_context(doctor.clinic_id),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM reports_secondreading")


def test_never_two_open_ones(doctor: Any) -> None:
    reading = second.waiting(doctor)
    with (
        pytest.raises(DatabaseError, match="one_open_second_reading"),
        clinic_context(doctor.clinic_id),
        transaction.atomic(),
    ):
        SecondReading.objects.create(
            clinic_id=reading.clinic_id,
            patient=reading.patient,
            study=reading.study,
            lesion=reading.lesion,
            first=reading.first,
            reason="sample",
        )
