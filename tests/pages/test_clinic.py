"""The clinic's own page: a prevalence declared, a target moved, by whom and with what effect."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.accounts.tenancy import clinic_context
from tests.inference import second
from tests.pages.test_doctor_review import text
from tests.reports import scenes

pytestmark = pytest.mark.django_db
ADDRESS = "/clinic/settings/"


def entered(**changes: str) -> dict[str, str]:
    return {"number": "0", "prevalence": "2", "dermoscopy-mel": "0.95"} | changes


def test_an_administrator_sets_both(administrators: Client, administrator: Any) -> None:
    second.model()
    page = text(administrators.get(reverse("clinic:settings")))
    assert "95 %, then 60 % of benign lesions stay routine" in page
    assert "Urgent from a score of 20 % on" in page
    assert "Nothing has been set yet." in page
    answer = administrators.post(ADDRESS, entered(), follow=True)
    page = text(answer)
    assert "The settings are stored" in page
    assert "Urgent from a score of 5 % on" in page
    assert "(PPV)" in page
    assert "set by your clinic" in page
    assert "mel 95 % (dermoscopy)" in page
    assert administrator.name in page
    assert scenes.events(administrator, "clinic.settings_changed") == 1
    assert 'value="2.0"' in page
    taken_back = entered(number="1", prevalence="", **{"dermoscopy-mel": ""})
    page = text(administrators.post(ADDRESS, taken_back, follow=True))
    assert "Urgent from a score of 20 % on" in page
    assert "Prevalence: not declared" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"prevalence": "0.05"},
        {"prevalence": "61"},
        {"prevalence": "many"},
        {"dermoscopy-mel": "0.97"},
        {"number": ""},
    ],
)
def test_what_cannot_be_meant_is_shown_again(
    administrators: Client, administrator: Any, changes: dict[str, str]
) -> None:
    second.model()
    answer = administrators.post(ADDRESS, entered(**changes))
    assert answer.status_code == 422
    assert scenes.count(administrator, ClinicSettings) == 0


def test_a_second_administrator_is_told(administrators: Client, administrator: Any) -> None:
    second.model()
    clinic_settings.change(actor=administrator, number=0, prevalence=0.1, targets={})
    answer = administrators.post(ADDRESS, entered())
    assert answer.status_code == 409
    assert "Somebody else has changed the settings" in text(answer)
    assert scenes.count(administrator, ClinicSettings) == 1


def test_targets_of_other_models_stay(administrators: Client, administrator: Any) -> None:
    second.model()
    clinic_settings.change(
        actor=administrator, number=0, prevalence=None, targets={"clinical": {"mel": 0.9}}
    )
    administrators.post(ADDRESS, entered(number="1"))
    with clinic_context(administrator.clinic_id):
        held = clinic_settings.current()
    assert held is not None
    assert held.targets == {"clinical": {"mel": 0.9}, "dermoscopy": {"mel": 0.95}}


def test_a_doctor_looks_and_a_technician_does_not(
    doctors: Client, at_desk: Client, doctor: Any
) -> None:
    second.model()
    page = text(doctors.get(ADDRESS))
    assert "An administrator of the clinic can change this." in page
    assert "<select" not in page
    assert doctors.post(ADDRESS, entered()).status_code == 403
    assert at_desk.get(ADDRESS).status_code == 403
    assert scenes.count(doctor, ClinicSettings) == 0


def test_without_a_model_there_is_no_triage_to_set(administrators: Client) -> None:
    page = text(administrators.get(ADDRESS))
    assert "No model is active" in page
    assert "in per cent" in page
