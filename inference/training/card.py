"""Writes `card.md`: what a package is for, what it was made from, how well it did, where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INTENDED_USE = (
    "Research. A second opinion on dermoscopic images of single skin lesions of adults, for a "
    "doctor who has seen the patient. Not a medical device."
)
TERMS = (
    "Trained on HAM10000, CC BY-NC 4.0: for non-commercial research only. Image encoder started "
    "from ImageNet weights (Apache-2.0)."
)


def draft(manifest: Mapping[str, Any]) -> str:
    """The card of a package whose report part has not been evaluated."""
    return f"# {manifest['name']} {manifest['version']}\n\n{INTENDED_USE}\n"
