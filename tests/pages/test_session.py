"""The page where one signature closes several visits."""

from typing import Any

import pytest
from django.test import Client

from reports.models import Report
from tests import factories
from tests.reports import scenes
from tests.reports.test_session import assessed, session

pytestmark = pytest.mark.django_db
PAGE = "/reports/session/"


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def test_the_page_shows_what_each_report_will_say(doctors: Client, doctor: Any) -> None:
    study, [lesion], _pictures = assessed(doctor, answered=0)
    scenes.assess(doctor, study, lesion, description="Globules.", comment="See you.")
    page = doctors.get(PAGE).content.decode()
    for part in ("Melanocytic nevus of skin", "Discharge", "Globules.", "See you.", " checked"):
        assert part in page


def test_one_password_signs_all_that_are_chosen(doctors: Client, doctor: Any) -> None:
    assessed(doctor)
    assessed(doctor)
    assessed(doctor)
    values = [each.value for each in session(doctor)]
    sent = {"visit": values[:2], "password": factories.PASSWORD}
    page = doctors.post(PAGE, sent, follow=True).content.decode()
    assert "2 reports are signed" in page
    assert scenes.count(doctor, Report, status="signed") == 2
    assert [each.value for each in session(doctor)] == values[2:]


def test_a_wrong_password_keeps_the_choice_and_never_the_password(
    doctors: Client, doctor: Any
) -> None:
    assessed(doctor)
    assessed(doctor)
    first, second = session(doctor)
    answer = doctors.post(PAGE, {"visit": [second.value], "password": "not the one"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Nothing has been signed" in page
    assert "not the one" not in page
    assert f'value="{second.value}" checked' in page
    assert f'value="{first.value}" checked' not in page
    assert scenes.count(doctor, Report) == 0


@pytest.mark.parametrize("nonsense", ["", "x", "x,y", "00000000-0000-0000-0000-000000000000"])
def test_nonsense_signs_nothing(doctors: Client, doctor: Any, nonsense: str) -> None:
    assessed(doctor)
    answer = doctors.post(PAGE, {"visit": [nonsense], "password": factories.PASSWORD})
    assert answer.status_code == 422
    assert "Choose at least one visit." in answer.content.decode()
    assert scenes.count(doctor, Report) == 0


def test_nothing_to_sign_leads_back_to_the_worklist(doctors: Client) -> None:
    page = doctors.get(PAGE).content.decode()
    assert "Nothing waits for your signature." in page
    assert "Your password" not in page
