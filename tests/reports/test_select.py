"""What is drawn quickly against what Django draws."""

from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.test.html import parse_html
from django.utils import translation

from dermaclinic.accounts.drawing import Drawn
from reports.forms import AssessmentForm, DiagnosisSelect, Select, diagnosis_choices

HOSTILE = [("", "Choose…"), ("<a>", '"&<b>'), ("Group <&>", [("1", "<script>"), (2, "two")])]


@pytest.mark.parametrize("choices", [HOSTILE, diagnosis_choices()], ids=["hostile", "diagnoses"])
@pytest.mark.parametrize("value", ["", "<a>", 2, "93655004", None])
def test_it_draws_what_django_draws(choices: Any, value: Any) -> None:
    attributes = {"data-say": '<&"', "required": True, "id": "id_d"}
    quick, own = (
        each(attributes, choices=choices).render("d", value) for each in (Select, forms.Select)
    )
    assert parse_html(quick) == parse_html(own)
    assert "<script>" not in quick


@pytest.mark.parametrize("value", ["", "93655004", "no such", '"><script>', None])
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_list_of_diagnoses_is_djangos_with_the_same_one_chosen(
    value: str | None, language: str
) -> None:
    attributes = {"data-combobox": "", "id": "id_d"}
    with translation.override(language):
        quick, own = (
            each(attributes, choices=diagnosis_choices()).render("d", value)
            for each in (DiagnosisSelect, forms.Select)
        )
    assert parse_html(quick) == parse_html(own)
    assert "<script>" not in quick


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {
            "diagnosis_1": "93655004",
            "management": "monitor",
            "due": '"><script>',
            "two_step": "melanocytic",
            "description": "</textarea><script> & so on",
        },
    ],
)
def test_a_form_is_djangos(data: dict[str, str] | None) -> None:
    class Slow(AssessmentForm):
        default_renderer = DjangoTemplates

    quick, own = (each.for_lesion(3, data) for each in (AssessmentForm, Slow))
    assert isinstance(quick.renderer, Drawn)
    for name in quick.fields:
        assert parse_html(str(quick[name])) == parse_html(str(own[name]))
        assert "<script>" not in str(quick[name])
    for one, other in zip(quick["management"], own["management"], strict=True):
        assert parse_html(one.tag()) == parse_html(other.tag())
