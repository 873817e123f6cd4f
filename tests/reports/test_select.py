"""The quick drop-down list against Django's own."""

from typing import Any

import pytest
from django import forms
from django.test.html import parse_html

from reports.forms import Select, diagnosis_choices

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
