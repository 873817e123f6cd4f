"""Where an image speaks for a class, on one scale for all images: class activation maps as drawn.

A map's mean is the class's logit without the bias (Zhou et al. 2016). Only differences between
logits matter, so the evidence for a class is how far its map exceeds the mean of all classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHARE = 0.95  # of the images have their strongest cell drawn below full strength


class UnusableMap(ValueError):
    """The network gave no map that may be shown."""


def evidence(maps: NDArray[np.floating], label: int) -> NDArray[np.float64]:
    """Maps of all classes (h, w, k) to that of one, (h, w), in logits above the mean class.

    Raises UnusableMap for another shape or a value that is not finite: there is no other picture
    to show in its place.
    """
    if maps.ndim != 3 or 0 in maps.shape or not 0 <= label < maps.shape[2]:
        raise UnusableMap(f"Maps of shape {maps.shape} hold none of class {label}.")
    if not np.isfinite(maps).all():
        raise UnusableMap("The network's maps are not finite.")
    exact = maps.astype(np.float64)
    return np.asarray(exact[..., label] - exact.mean(axis=2))


def drawn(evidence: NDArray[np.floating], scale: float) -> NDArray[np.uint8]:
    """Positive evidence (h, w) to 0–255, where 255 is `scale` logits or more.

    The scale is the package's, not the image's: equal evidence looks equal, and none stays none.
    """
    return np.asarray(np.rint(np.clip(evidence / scale, 0, 1) * 255), np.uint8)


def scale(maps: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The scale for a package: maps (n, h, w, k) of images and the class that each was given.

    The quantile SHARE of the strongest cell of each image. Raises ValueError when no image has
    evidence for its class.
    """
    strongest = [evidence(one, int(label)).max() for one, label in zip(maps, labels, strict=True)]
    found = float(np.quantile(strongest, SHARE))
    if not found > 0:
        raise ValueError("No image speaks for its class: the maps have no scale.")
    return found
