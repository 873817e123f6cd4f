"""What goes into an engine and what comes out: a case, and a finding on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.network.metadata import Metadata


@dataclass(frozen=True)
class Case:
    """A uint8 RGB image (h, w, 3), of any size or as `Engine.prepare` gives it, with metadata.

    Where the scale is known, `pixel_spacing_mm` is that of the file's own pixels, (row, column) as
    in DICOM, and `size` how many it has, (width, height).
    """

    image: NDArray[np.uint8]
    metadata: Metadata = field(default_factory=Metadata)
    size: tuple[int, int] | None = None
    pixel_spacing_mm: tuple[float, float] | None = None


@dataclass(frozen=True)
class Finding:
    """What the network says of one case. A declined case has figures too, with the reason.

    `image_only` are the probabilities with all metadata masked; `triage_score` is the greater of
    both malignancies, and the case is urgent from the threshold of `operating_point` on, the least
    of `operating_points`. `decision` is the class that the image speaks for most, argmax of
    p / prior, and may differ from `ranked[0]`, the most probable one. `prediction_set` is the one
    of 90 % coverage.

    `saliency` and `melanoma_saliency` show the evidence for `ranked[0]` and for melanoma over the
    centre square, uint8 (h, w), on the package's scale. `mask` is the lesion's probability over the
    whole frame, uint8 (h, w). `embedding` is of unit length, float16. `limited` holds codes of
    `network/limits.py`: there is an opinion, with a reservation.
    """

    probabilities: dict[str, float]
    ranked: list[str]
    malignant_probability: float
    decision: str
    triage: str
    operating_point: dict[str, Any]
    prediction_set: list[str] | None
    declined_reason: str | None
    saliency: NDArray[np.uint8]
    embedding_distance: float
    metadata_used: dict[str, float | str | bool]
    declined_code: str | None = None
    prediction_sets: dict[str, list[str]] = field(default_factory=dict)
    quality: dict[str, float] = field(default_factory=dict)
    image_only: dict[str, float] = field(default_factory=dict)
    triage_score: float = 0.0
    operating_points: list[dict[str, Any]] = field(default_factory=list)
    limited: list[str] = field(default_factory=list)
    melanoma_saliency: NDArray[np.uint8] | None = None
    mask: NDArray[np.uint8] | None = None
    measurements: dict[str, Any] | None = None
    embedding: NDArray[np.float16] | None = None
    runtime: dict[str, Any] = field(default_factory=dict)
