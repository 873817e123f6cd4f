"""A model of the new kind and its opinion, as pages meet them."""

from typing import Any

import numpy as np

from inference.models import ModelVersion
from inference.network.classes import CLASSES
from tests.database import acting_as
from tests.inference.test_thresholds import point, row

PRIOR = {
    "akiec": 0.04, "bcc": 0.05, "mel": 0.1, "bkl": 0.08, "df": 0.01, "nv": 0.7, "vasc": 0.02,
}  # fmt: skip
MANIFEST: dict[str, Any] = {
    "name": "second",
    "version": "2",
    "modality": "dermoscopy",
    "prior": PRIOR,
    "classes": [
        {"key": each.key, "code": each.code, "display": each.display, "malignant": each.malignant}
        for each in CLASSES
    ],
    "metadata": {"fields": ["age", "sex", "site"]},
    "operating_points": [
        point("mel", 0.9, 0.2, 0.95, 0.8),
        point("bcc", 0.85, 0.3, 0.9, 0.9),
        point("akiec", 0.85, 0.25, 0.88, 0.85),
    ],
    "operating_curve": [row("mel", 0.9, 0.2, 0.95, 0.8), row("mel", 0.95, 0.05, 0.98, 0.6)],
}
FUSED = {
    "nv": 0.7, "mel": 0.12, "bkl": 0.08, "bcc": 0.04, "akiec": 0.03, "df": 0.02, "vasc": 0.01,
}  # fmt: skip
ALONE = FUSED | {"nv": 0.51, "mel": 0.31}
MALIGNANT, SCORE = 0.19, 0.38
GRID = bytes(range(0, 245, 5))


def model() -> ModelVersion:
    """Registered and active."""
    with acting_as("owner"):
        return ModelVersion.objects.create(
            name="second", version="2", sha256="2" * 64, manifest=MANIFEST, active=True
        )


def result(**changes: Any) -> dict[str, Any]:
    """What such a model says, in the worker's words."""
    return {
        "differential": [
            {
                "key": each.key,
                "code": each.code,
                "display": each.display,
                "probability": FUSED[each.key],
                "image_only": ALONE[each.key],
            }
            for each in sorted(CLASSES, key=lambda each: -FUSED[each.key])
        ],
        "decision": "mel",
        "prediction_sets": {"90": ["nv", "mel"], "95": ["nv", "mel", "bkl"]},
        "operating_point": MANIFEST["operating_points"][0],
        "operating_points": MANIFEST["operating_points"],
        "triage_score": SCORE,
        "limited": [],
    } | changes


def columns() -> dict[str, Any]:
    """The pictures that it brings along: a map of melanoma, and a disc for a mask."""
    rows, across = np.mgrid[:24, :32]
    disc = np.where((rows - 12) ** 2 + (across - 16) ** 2 < 50, 255, 0).astype(np.uint8)
    return {"melanoma_saliency": GRID[::-1], "mask": disc.tobytes(), "mask_shape": [24, 32]}
