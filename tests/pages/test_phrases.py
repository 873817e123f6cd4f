"""The page of the clinic's phrases."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from reports.models import Phrase
from reports.selectors.phrases import phrases as listed
from reports.services import phrases
from tests.reports import scenes

pytestmark = pytest.mark.django_db
PAGE = "/reports/phrases/"
SENT = {"abbreviation": "SK", "diagnosis_1": scenes.KERATOSIS, "management": "discharge"}


def test_an_empty_list_says_what_to_do_and_starts_with_the_usual_ones(doctors: Client) -> None:
    assert "Start with the usual ones" in doctors.get(PAGE).content.decode()
    page = doctors.post(reverse("reports:phrases-start"), follow=True).content.decode()
    assert "Seborrheic keratosis: harmless." in page
    assert "Start with the usual ones" not in page


def test_a_phrase_is_added_changed_retired_and_brought_back(doctors: Client, doctor: Any) -> None:
    doctors.post(PAGE, SENT | {"sentence": "Harmless."})
    [made] = listed(doctor)
    assert (made.abbreviation, made.sentence) == ("sk", "Harmless.")
    one = reverse("reports:phrase", args=[made.pk])
    assert "Harmless." in doctors.get(one).content.decode()
    doctors.post(one, SENT | {"sentence": "Benign.", "version": 1})
    assert listed(doctor)[0].sentence == "Benign."
    doctors.post(reverse("reports:phrase-retire", args=[made.pk]))
    assert listed(doctor) == []
    doctors.post(reverse("reports:phrase-restore", args=[made.pk]))
    assert listed(doctor) == [made]


def test_a_refusal_keeps_what_was_entered(doctors: Client, doctor: Any) -> None:
    answer = doctors.post(PAGE, SENT | {"abbreviation": "not so short", "sentence": "Kept."})
    assert answer.status_code == 422
    assert "Kept." in answer.content.decode()
    assert scenes.count(doctor, Phrase) == 0


def test_who_comes_late_is_told(doctors: Client, doctor: Any) -> None:
    made = phrases.add(
        actor=doctor, abbreviation="sk", diagnoses=[scenes.KERATOSIS], management="refer"
    )
    one = reverse("reports:phrase", args=[made.pk])
    answer = doctors.post(one, SENT | {"version": 7})
    assert answer.status_code == 409
    assert "Somebody else has changed this phrase" in answer.content.decode()
    assert listed(doctor)[0].management == "refer"


def test_the_reviews_field_asks_for_what_each_fills_in(doctors: Client, doctor: Any) -> None:
    phrases.add(
        actor=doctor, abbreviation="sk", diagnoses=[scenes.KERATOSIS], management="discharge",
        sentence="Harmless.",
    )  # fmt: skip
    answer = doctors.get(reverse("reports:phrase-list"))
    assert answer["Cache-Control"].find("no-store") >= 0
    [found] = answer.json()["phrases"]
    assert found["abbreviation"] == "sk"
    assert found["diagnoses"] == [scenes.KERATOSIS]
    assert (found["management"], found["due"], found["sentence"]) == (
        "discharge", "", "Harmless."
    )  # fmt: skip
