"""The cast: fictional, diverse, reproducible, and with the troubles that a demo must show."""

from datetime import date, datetime, timedelta

import pytest

from demo.dermoscopy import SkinTone
from demo.dicom import ANATOMIC_REGIONS
from demo.lesions import Kind
from demo.people import CLINICS, PAIRED_SITES, Person, patients

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def cast() -> list[Person]:
    return patients(today=TODAY)


def test_staff_live_in_a_reserved_domain_and_fill_every_role() -> None:
    addresses = [member.email for clinic in CLINICS for member in clinic.staff]
    assert len(CLINICS) == 2
    assert len(set(addresses)) == len(addresses) == 8
    assert all(address.endswith(".example") for address in addresses)
    for clinic in CLINICS:
        assert "demo" in clinic.name
        assert {member.role for member in clinic.staff} == {
            "technician",
            "doctor",
            "administrator",
        }
        assert [member.role for member in clinic.staff].count("doctor") == 2, "to read twice"


def test_the_same_seed_gives_the_same_people(cast: list[Person]) -> None:
    assert patients(today=TODAY) == cast
    assert patients(20, today=TODAY) == cast[:20]
    assert patients(20, seed=2, today=TODAY) != cast[:20]


def test_people_are_diverse_and_distinct(cast: list[Person]) -> None:
    assert len(cast) == 60
    assert len({person.mrn for person in cast}) == 60
    assert all(person.mrn.startswith("DEMO-") for person in cast)
    assert len({(person.family_name, person.given_name) for person in cast}) == 60
    assert {person.tone for person in cast} == set(SkinTone)
    assert {person.sex for person in cast} == {"female", "male", "other"}
    assert {person.clinic for person in cast} == {clinic.slug for clinic in CLINICS}
    kinds = {lesion.drawn.kind for person in cast for lesion in person.lesions}
    assert kinds == set(Kind)
    ages = sorted((TODAY - person.birth_date).days / 365.25 for person in cast)
    assert 1 <= sum(age < 18 for age in ages) <= 2
    assert ages[0] > 8
    assert ages[-1] < 92
    refused = sum(not person.consents.ai_opinion for person in cast)
    assert 2 <= refused <= 8
    assert all(person.consents.care for person in cast)


def test_visits_lie_in_order_in_the_last_two_years(cast: list[Person]) -> None:
    start = datetime.combine(TODAY, datetime.min.time()) - timedelta(days=731)
    for person in cast:
        times = [visit.when for visit in person.visits]
        assert 1 <= len(times) <= 4
        assert times == sorted(set(times))
        assert start < times[0]
        assert times[-1].date() <= TODAY
        assert all(when.weekday() < 5 for when in times)


def test_lesions_sit_somewhere_and_only_grow(cast: list[Person]) -> None:
    for person in cast:
        for lesion in person.lesions:
            assert lesion.body_site in ANATOMIC_REGIONS
            assert bool(lesion.laterality) == (lesion.body_site in PAIRED_SITES)
            seen = [
                shot.spec.lesion
                for visit in person.visits
                for shot in visit.shots
                if shot.lesion == lesion.number and shot.spec.lesion is not None
            ]
            assert seen
            assert seen[0] == lesion.drawn
            assert {drawn.seed for drawn in seen} == {lesion.drawn.seed}
            growth = [drawn.growth for drawn in seen]
            assert growth[0] == 1.0
            assert max(growth) <= 1.45
            if lesion.drawn.kind is Kind.MELANOMA and len(seen) > 1:
                assert growth[-1] > 1.05


def test_some_shots_are_dicom_and_a_few_are_poor(cast: list[Person]) -> None:
    shots = [shot for person in cast for visit in person.visits for shot in visit.shots]
    share = sum(shot.as_dicom for shot in shots) / len(shots)
    assert 0.12 < share < 0.28
    assert {shot.flaw for shot in shots} == {"", "blurred", "dark"}
    assert sum(bool(shot.flaw) for shot in shots) < 0.12 * len(shots)
    assert len({shot.seed for shot in shots}) == len(shots)
    for shot in shots:
        assert (shot.spec.capture.blur_mm > 0.2) == (shot.flaw == "blurred")
        assert (shot.spec.capture.exposure is not None) == (shot.flaw == "dark")
