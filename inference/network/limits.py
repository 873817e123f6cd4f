"""When the network must not speak, and when its opinion is limited.

What pixels say is measured in `pixels`. Likeness is the Mahalanobis distance of the embedding,
brought to unit length, to the nearest class mean of the training images (Lee et al. 2018); an
opinion that is undecided as well makes an unlike image more unlike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.network.pixels import Quality, cut, measure

__all__ = [
    "DEFAULTS",
    "LIMITED",
    "REASONS",
    "Judgement",
    "Likeness",
    "Quality",
    "entropy",
    "fit_likeness",
    "fit_limits",
    "judge",
    "measure",
]

DIRECTIONS = 256
SHRINKAGE = 0.1


def gettext_noop(sentence: str) -> str:
    """Marks a sentence for `makemessages`, which goes by the name: pages translate it."""
    return sentence


REASONS: dict[str, str] = {
    "too_small": gettext_noop(
        "The image is too small to be judged; take it again at full resolution."
    ),
    "blank": gettext_noop("The image is blank or nearly so; take it again."),
    "too_dark": gettext_noop(
        "The image is too dark to be judged; take it again with the light of the dermatoscope on."
    ),
    "too_bright": gettext_noop("The image is overexposed; take it again with less light."),
    "blurred": gettext_noop("The image is too blurred to be judged; take it again in focus."),
    "not_skin": gettext_noop(
        "The image does not have the colours of skin; take one of the lesion, in colour."
    ),
    "unlike": gettext_noop(
        "The image does not look like those that this model was trained on; assess the lesion "
        "without its opinion."
    ),
}

LIMITED: dict[str, str] = {
    "soft": gettext_noop(
        "The image is not quite in focus: fine structures may be lost. Take it again if you can."
    ),
    "underexposed": gettext_noop(
        "The image is dark: colours may be misread. Take it again with more light if you can."
    ),
    "overexposed": gettext_noop(
        "The image is pale from too much light: colours may be misread. Take it again with less."
    ),
    "uneven": gettext_noop(
        "The light is uneven: one side may look darker than it is. Take it again, held level."
    ),
    "reflections": gettext_noop(
        "Light is reflected in the image: what lies under it is not seen. Use more contact fluid, "
        "or polarised light."
    ),
    "hair": gettext_noop(
        "Hair lies over the lesion: part of it is not seen. Move the hair aside and take it again."
    ),
    "ink": gettext_noop(
        "There is blue, violet or green over the lesion as of a pen. If it is ink, wipe it off and "
        "take the image again."
    ),
    "border_cut": gettext_noop(
        "The lesion runs over the edge of the image: its border is not all seen. Take it again "
        "from further away, or assess its parts together."
    ),
}

# Limits that a manifest may move. Those of pixels lie well outside what a clinic sends.
DEFAULTS: dict[str, float] = {
    "smallest_side": 100.0,
    "lowest_contrast": 3.5,
    "least_brightness": 18.0,
    "largest_dark": 0.6,
    "largest_brightness": 243.0,
    "largest_bright": 0.5,
    "least_sharpness": 0.4,
    "largest_not_skin": 0.95,
    "largest_distance": float("inf"),
    "entropy_weight": 0.0,
    "soft_sharpness": 0.52,
    "limited_brightness": 40.0,
    "limited_paleness": 225.0,
    "limited_uneven": 0.5,
    "limited_bright": 0.03,
    "limited_hair": 0.028,
    "limited_ink": 0.02,
    "limited_cut": 0.15,
}

# The limits of pixels that held-out images may widen, and never narrow: measure, sign of trouble.
_WIDENED = {
    "lowest_contrast": ("contrast", -1),
    "least_brightness": ("brightness", -1),
    "largest_dark": ("dark", 1),
    "largest_brightness": ("brightness", 1),
    "largest_bright": ("bright", 1),
    "least_sharpness": ("sharpness", -1),
    "largest_not_skin": ("not_skin", 1),
}
RARE = 0.0005  # of the held-out images may lie beyond one limit of pixels


@dataclass(frozen=True)
class Judgement:
    """`declined`, a key of REASONS, and no opinion; or one with `limited`, keys of LIMITED."""

    declined: str | None
    limited: list[str]


def judge(
    side: int,
    quality: Quality,
    distance: float,
    entropy: float,
    limits: Mapping[str, float],
    *,
    mask: NDArray[np.uint8] | None = None,
) -> Judgement:
    """May the network speak of this image, and with what reservations?

    `side` is the shorter one of the image, in pixels; `distance` that of `Likeness`; `entropy` that
    of the answer, 0–1; `limits` those of the manifest, with DEFAULTS for what it leaves out; `mask`
    the lesion's probability over the frame (h, w), 0–255. What is declined has no reservations.
    """
    held = {**DEFAULTS, **limits}
    declined = next(
        (
            code
            for code, beyond in (
                ("too_small", side < held["smallest_side"]),
                ("blank", quality.contrast < held["lowest_contrast"]),
                ("too_dark", quality.dark > held["largest_dark"]),
                ("too_dark", quality.brightness < held["least_brightness"]),
                ("not_skin", quality.not_skin > held["largest_not_skin"]),
                ("too_bright", quality.bright > held["largest_bright"]),
                ("too_bright", quality.brightness > held["largest_brightness"]),
                ("blurred", quality.sharpness < held["least_sharpness"]),
                ("unlike", _unlikeness(distance, entropy, held) > held["largest_distance"]),
            )
            if beyond
        ),
        None,
    )
    if declined is not None:
        return Judgement(declined, [])
    reservations = (
        ("soft", quality.sharpness < held["soft_sharpness"]),
        ("underexposed", quality.brightness < held["limited_brightness"]),
        ("overexposed", quality.brightness > held["limited_paleness"]),
        ("uneven", quality.uneven > held["limited_uneven"]),
        ("reflections", quality.bright > held["limited_bright"]),
        ("hair", quality.hair > held["limited_hair"]),
        ("ink", quality.ink > held["limited_ink"]),
        ("border_cut", mask is not None and cut(mask) > held["limited_cut"]),
    )
    return Judgement(None, [code for code, beyond in reservations if beyond])


def entropy(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of each row of (n, classes): 0 where one class has it all, 1 where all have the same."""
    shares = np.clip(np.asarray(probability, np.float64), 1e-12, 1)
    return np.asarray(-(shares * np.log(shares)).sum(axis=1) / np.log(shares.shape[1]))


def fit_limits(
    quality: Sequence[Quality],
    distances: NDArray[np.float64],
    entropies: NDArray[np.float64] | None = None,
    *,
    weights: NDArray[np.float64] | None = None,
    accepted: float = 0.99,
    entropy_weight: float = 0.0,
) -> dict[str, float]:
    """The limits of a manifest: of held-out images this share is accepted, all reasons together.

    All arguments but the numbers have a row an image; `weights` lets a lesion count once. Limits of
    pixels are those of DEFAULTS, or wider where held-out images reach them; what is left to be
    declined is that which is least like the training images. Raises ValueError without images.
    """
    if not len(quality):
        raise ValueError("Limits are fitted on images.")
    share = np.ones(len(quality)) if weights is None else np.asarray(weights, np.float64)
    answers = np.zeros(len(quality)) if entropies is None else np.asarray(entropies, np.float64)
    fitted = {**DEFAULTS, "entropy_weight": float(entropy_weight)}
    for name, (measured, sign) in _WIDENED.items():
        trouble = sign * np.array([getattr(row, measured) for row in quality])
        reached = sign * float(np.quantile(trouble, 1 - RARE))
        fitted[name] = sign * max(sign * fitted[name], sign * reached)
    passed = np.array([judge(10**6, row, -np.inf, 0.0, fitted).declined is None for row in quality])
    unlike = np.array(
        [_unlikeness(*row, fitted) for row in zip(distances, answers, strict=True)], np.float64
    )
    order = np.argsort(unlike[passed], kind="stable")
    reached = np.cumsum(share[passed][order]) / share.sum()
    last = min(int(np.searchsorted(reached, accepted - 1e-12)), len(order) - 1)
    fitted["largest_distance"] = float(unlike[passed][order][last])
    return fitted


def _unlikeness(distance: float, entropy: float, limits: Mapping[str, float]) -> float:
    return float(distance + limits["entropy_weight"] * entropy)


@dataclass(frozen=True)
class Likeness:
    """Class means in whitened main directions: `basis` (c, d), `centre` (c,), `means` (k, d)."""

    centre: NDArray[np.float32]
    basis: NDArray[np.float32]
    means: NDArray[np.float32]

    def distances(self, embedding: NDArray[np.float32]) -> NDArray[np.float64]:
        """Distance of each row of (n, c) to the nearest class mean."""
        whitened = (_unit(embedding) - self.centre) @ self.basis
        gaps = whitened[:, None, :] - self.means[None, :, :]
        return np.asarray(np.sqrt((gaps.astype(np.float64) ** 2).sum(axis=2)).min(axis=1))

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What a package stores of it."""
        return {
            "likeness/centre": self.centre,
            "likeness/basis": self.basis,
            "likeness/means": self.means,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> Likeness:
        """The inverse of `arrays`. Raises KeyError when one is missing."""
        return cls(arrays["likeness/centre"], arrays["likeness/basis"], arrays["likeness/means"])


def fit_likeness(
    embedding: NDArray[np.float32], labels: NDArray[np.int64], classes: int
) -> Likeness:
    """Shared covariance within the classes, shrunk, made white in its main directions."""
    unit = _unit(embedding)
    counts = np.bincount(labels, minlength=classes)
    means = np.stack([unit[labels == label].mean(axis=0) for label in range(classes)])
    within = (unit - means[labels]).astype(np.float64)
    # Each class has the same say, however many images it has.
    within /= np.sqrt(counts[labels] * classes)[:, None]
    values, vectors = np.linalg.eigh(within.T @ within)
    values, vectors = values[::-1][:DIRECTIONS], vectors[:, ::-1][:, :DIRECTIONS]
    basis = (vectors / np.sqrt(values + SHRINKAGE * values.mean())).astype(np.float32)
    centre = means.mean(axis=0).astype(np.float32)
    return Likeness(centre, basis, ((means - centre) @ basis).astype(np.float32))


def _unit(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    # Length tells contrast more than kind (Mueller and Hein 2025): without this step, white noise
    # and photographs of landscapes pass as dermoscopy.
    return embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-6)
