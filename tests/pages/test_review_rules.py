"""How a clinic reviews: seen by its doctors, changed by its administrators."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.accounts.tenancy import clinic_context
from tests.reports import scenes

pytestmark = pytest.mark.django_db
ADDRESS = "/reports/rules/"
RULES = {
    "number": 0,
    "blinded_first": "on",
    "second_read_codes": [scenes.MELANOMA, scenes.DYSPLASTIC],
    "second_read_percent": "7.5",
}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def held(actor: Any) -> ClinicSettings | None:
    with clinic_context(actor.clinic_id):
        return clinic_settings.current()


def test_the_products_own_rules_until_somebody_sets_others(
    administrators: Client, doctors: Client, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = ClinicSettings._meta.get_field("second_read_share")
    monkeypatch.setattr(share, "_get_default", lambda: share.default)  # as it is out of the tests
    assert reverse("reports:rules") == ADDRESS
    form = administrators.get(ADDRESS).context["form"]
    assert form["blinded_first"].value() is True
    assert form["second_read_percent"].value() == 5
    page = text(doctors.get(ADDRESS))
    assert "Blinded first" in page
    assert "Drawn for a second doctor: 5 %" in page
    assert "<form" not in page.split("<main")[1].split("</main>")[0]


def test_a_change_is_stored_told_and_kept_with_its_history(
    administrators: Client, doctors: Client, doctor: Any
) -> None:
    assert administrators.post(ADDRESS, RULES).url == ADDRESS
    made = held(doctor)
    assert made is not None
    assert made.second_read_codes == sorted([scenes.MELANOMA, scenes.DYSPLASTIC])
    assert (made.blinded_first, made.second_read_share) == (True, 0.075)
    administrators.post(ADDRESS, RULES | {"number": 1, "blinded_first": ""})
    assert not clinic_blinded(doctor)
    page = text(doctors.get(ADDRESS))
    assert "Not blinded: doctors see the opinion at once." in page
    assert page.count("Dysplastic nevus of skin") == 3, "what holds, and two changes"
    assert scenes.events(doctor, "clinic.settings_changed") == 2


def clinic_blinded(actor: Any) -> bool:
    with clinic_context(actor.clinic_id):
        return clinic_settings.blinded_first()


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"second_read_percent": "101"}, 422, "less than or equal to 100"),
        ({"second_read_percent": ""}, 422, "This field is required."),
        ({"second_read_codes": ["12345"]}, 422, "Select a valid choice"),
        ({"number": 7}, 409, "Somebody else has changed the settings meanwhile"),
    ],
)
def test_a_refusal_changes_nothing(
    administrators: Client, doctor: Any, change: dict[str, Any], status: int, said: str
) -> None:
    response = administrators.post(ADDRESS, RULES | change)
    assert response.status_code == status
    assert said in text(response)
    assert held(doctor) is None


def test_who_may(doctors: Client, at_desk: Client, doctor: Any) -> None:
    assert at_desk.get(ADDRESS).status_code == 403
    assert doctors.post(ADDRESS, RULES).status_code == 403
    assert held(doctor) is None
