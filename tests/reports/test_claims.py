"""Taking a visit, giving it back, and that it lapses by the database's clock."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Forbidden, NotFound
from reports.models import Claim
from reports.services.claims import claim_study, release_study
from tests import factories
from tests.reports import scenes


@pytest.fixture
def study(doctor: Any) -> Any:
    return factories.study(doctor, factories.patient(doctor))


@pytest.fixture
def colleague(clinic: Any) -> Any:
    return factories.actor(clinic, "doctor")


def lapse(actor: Any) -> None:
    with clinic_context(actor.clinic_id):
        Claim.objects.update(expires_at=Now() - timedelta(seconds=1))


def test_a_claim_lasts_half_an_hour_and_is_prolonged(doctor: Any, study: Any) -> None:
    first = claim_study(actor=doctor, study_id=study.pk)
    second = claim_study(actor=doctor, study_id=study.pk)
    assert first.pk == second.pk
    assert second.expires_at > first.expires_at
    assert scenes.events(doctor, "study.claimed") == 2


def test_another_doctors_claim_stands_and_says_whose_it_is(
    doctor: Any, colleague: Any, study: Any
) -> None:
    claim = claim_study(actor=doctor, study_id=study.pk)
    for service in (claim_study, release_study):
        with pytest.raises(Conflict) as refused:
            service(actor=colleague, study_id=study.pk)
        assert doctor.name in str(refused.value)
        assert refused.value.extra["claimed_until"] == claim.expires_at.isoformat()
    with clinic_context(doctor.clinic_id):
        assert Claim.objects.get(study=study).doctor == doctor.user
    assert scenes.events(doctor, "study.claimed") == 1
    assert scenes.events(doctor, "study.released") == 0


def test_a_lapsed_claim_is_anybodys(doctor: Any, colleague: Any, study: Any) -> None:
    claim_study(actor=doctor, study_id=study.pk)
    lapse(doctor)
    assert claim_study(actor=colleague, study_id=study.pk).doctor == colleague.user
    assert scenes.count(doctor, Claim) == 1


def test_releasing_twice_is_releasing(doctor: Any, colleague: Any, study: Any) -> None:
    claim_study(actor=doctor, study_id=study.pk)
    release_study(actor=doctor, study_id=study.pk)
    release_study(actor=doctor, study_id=study.pk)
    assert scenes.count(doctor, Claim) == 0
    assert scenes.events(doctor, "study.released") == 1
    claim_study(actor=colleague, study_id=study.pk)


def test_only_doctors_of_the_clinic_claim(technician: Any, stranger: Any, study: Any) -> None:
    with pytest.raises(Forbidden):
        claim_study(actor=technician, study_id=study.pk)
    with pytest.raises(NotFound):
        claim_study(actor=stranger, study_id=study.pk)
    assert scenes.count(technician, Claim) == 0
