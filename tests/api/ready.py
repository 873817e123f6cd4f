"""Opinions as the worker would have written them."""

from typing import Any

from dermaclinic.accounts.actor import Actor
from inference.models import Prediction
from inference.network.classes import CLASSES
from tests import opinions

GRID = bytes(range(0, 256, 16)) * 3  # 6 rows, 8 columns
SHAPE = [6, 8]


def result(*ranked: str) -> dict[str, Any]:
    """A result whose differential begins with the given classes."""
    keys = [*ranked, *(row.key for row in CLASSES if row.key not in ranked)]
    rows = {row.key: row for row in CLASSES}
    shares = [0.5, 0.3, 0.1, 0.04, 0.03, 0.02, 0.01]
    return {
        "differential": [
            {
                "key": key,
                "code": rows[key].code,
                "display": rows[key].display,
                "probability": share,
            }
            for key, share in zip(keys, shares, strict=True)
        ],
        "decision": keys[0],
        "prediction_sets": {"90": keys[:3], "95": keys[:4]},
        "operating_point": {"name": "high-sensitivity", "threshold": 0.1},
        "quality": {"sharpness": 120.0},
        "embedding_distance": 1.0,
        "metadata_used": {},
    }


def answer(actor: Actor, *ranked: str, triage: str = "routine", risk: float = 0.2) -> Prediction:
    """Make the clinic's one prediction READY."""
    opinions.change(
        actor,
        status="ready",
        result=result(*(ranked or ("nv", "mel"))),
        malignant_probability=risk,
        triage=triage,
        saliency=GRID,
        saliency_shape=SHAPE,
    )
    [prediction] = opinions.predictions(actor)
    return prediction
