"""Whom a package was made for: every rule, and every site that a clinic can record."""

from __future__ import annotations

from typing import Any

import pytest

from inference.network import intended
from inference.network.intended import CLINICAL, DERMOSCOPY, Intended, Verdict, check
from patients.body_sites import BODY_SITES

ADULT: dict[str, Any] = {"age": 50, "site": "back", "modality": "dermoscopy"}
RULES = Intended.from_manifest({"modality": "dermoscopy", "intended": DERMOSCOPY})

EFFECTS = {
    "scalp": Verdict(),
    "face": Verdict(),
    "ear": Verdict(),
    "neck": Verdict(),
    "chest": Verdict(),
    "abdomen": Verdict(),
    "back": Verdict(),
    "trunk": Verdict(),
    "genital": Verdict("site_excluded"),
    "upper_extremity": Verdict(),
    "hand": Verdict(None, ["site_rare"]),
    "lower_extremity": Verdict(),
    "foot": Verdict(),
    "acral": Verdict("site_excluded"),
}


@pytest.mark.parametrize("key", BODY_SITES)
def test_every_site_that_a_clinic_records_has_its_effect(key: str) -> None:
    site = BODY_SITES[key].metadata
    assert check(RULES, **ADULT | {"site": site}) == EFFECTS[key]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict()),
        ({"age": 18}, Verdict()),
        ({"age": 17}, Verdict("under_age")),
        ({"age": 0}, Verdict("under_age")),
        ({"age": None}, Verdict(None, ["age_unknown"])),
        ({"site": None}, Verdict(None, ["site_unknown"])),
        ({"age": None, "site": "hand"}, Verdict(None, ["age_unknown", "site_rare"])),
        ({"site": "nail"}, Verdict("site_excluded")),
        ({"site": "mucosa"}, Verdict("site_excluded")),
        ({"modality": "clinical"}, Verdict("modality")),
        ({"modality": "other"}, Verdict("modality")),
        ({"modality": None}, Verdict()),
        ({"modality": "other", "age": 3, "site": "acral"}, Verdict("modality")),
    ],
)
def test_rules(changes: dict[str, Any], verdict: Verdict) -> None:
    assert check(RULES, **ADULT | changes) == verdict


def test_a_manifest_without_rules_has_those_of_its_modality() -> None:
    assert Intended.from_manifest({"modality": "dermoscopy"}) == RULES
    clinical = Intended.from_manifest({"modality": "clinical"})
    assert clinical == Intended.from_manifest({"modality": "clinical", "intended": CLINICAL})
    assert check(clinical, **ADULT).none == "modality"


def test_a_package_for_everybody_asks_for_nothing() -> None:
    table = {"min_age": 0, "modalities": ["dermoscopy"], "excluded_sites": []}
    rules = Intended.from_manifest({"intended": table})
    assert check(rules, age=None, site=None, modality="dermoscopy") == Verdict()


@pytest.mark.parametrize(
    "table",
    [
        {**DERMOSCOPY, "min_age": "adult"},
        {**DERMOSCOPY, "min_age": 200},
        {**DERMOSCOPY, "excluded_sites": "acral"},
        {**DERMOSCOPY, "excluded_places": ["acral"]},
        {**DERMOSCOPY, "modalities": [1]},
    ],
)
def test_rules_that_cannot_be_read_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"intended|could not convert"):
        Intended.from_manifest({"intended": table})


@pytest.mark.parametrize("sentence", [*intended.NONE.values(), *intended.LIMITED.values()])
def test_every_reason_is_a_sentence(sentence: str) -> None:
    assert sentence[0].isupper() and sentence.endswith(".")
