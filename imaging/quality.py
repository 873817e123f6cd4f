"""Whether an image is good enough to look at: sharpness, exposure and size, in milliseconds.

A verdict never stops an upload; it tells the photographer while the patient is still there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray
from PIL import Image

SCALE = 256  # longest side, pixels, at which everything is measured

GOOD, LIMITED, POOR = "good", "limited", "poor"

SENTENCES: Mapping[str, object] = MappingProxyType(
    {
        "blurred": _("The image is out of focus or shaken. Clean the lens and take it again."),
        "soft": _("The image is a little soft. If you can, take it again with a steadier hand."),
        "too-dark": _("The image is too dark to judge. Switch the light on and take it again."),
        "dark": _("The image is rather dark. More light would show the structures better."),
        "too-bright": _("Much of the image is burnt out. Reduce the light and take it again."),
        "bright": _("Parts of the image are burnt out by glare. Tilt the lens or use more gel."),
        "flat": _("The image shows hardly any contrast. Check that the lens touches the skin."),
        "tiny": _("The image has too few pixels to judge. Upload the camera's original."),
        "small": _("The image has few pixels. Upload the camera's original if you have it."),
    }
)
_POOR_REASONS = frozenset({"blurred", "too-dark", "too-bright", "flat", "tiny"})


@dataclass(frozen=True)
class Quality:
    """``sharpness`` is the variance of the Laplacian of luma (levels², at 256 pixels);
    ``brightness`` the mean luma (0–255); ``dark`` and ``bright`` the shares (0–1) of clipped
    pixels in the middle of the image. ``reasons`` are slugs, the worst first."""

    width: int
    height: int
    sharpness: float
    brightness: float
    contrast: float
    dark: float
    bright: float
    verdict: str
    reasons: tuple[str, ...]


def sentence(reason: str) -> str:
    """Return what a reason means and what to do about it."""
    return str(SENTENCES[reason])


def assess(rgb: NDArray[np.uint8]) -> Quality:
    """Judge an sRGB image of shape (height, width, 3).

    The Laplacian's variance as a measure of focus: Pech-Pacheco et al., ICPR 2000. It is taken over
    the inner ellipse, so that a dermatoscope's black rim counts neither as an edge nor as darkness.
    """
    height, width = rgb.shape[:2]
    luma = _luma(rgb)
    inside = _ellipse(*luma.shape)
    laplacian = (
        luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    )
    levels = luma[inside]
    sharpness = float(laplacian[inside[1:-1, 1:-1]].var())
    low, high = np.percentile(levels, (2, 98))
    found = {
        "sharpness": sharpness,
        "brightness": float(levels.mean()),
        "contrast": float(high - low),
        "dark": float((levels <= 12).mean()),
        "bright": float((levels >= 250).mean()),
    }
    reasons = tuple(_reasons(min(width, height), found))
    verdict = GOOD
    if reasons:
        verdict = POOR if _POOR_REASONS.intersection(reasons) else LIMITED
    return Quality(width=width, height=height, verdict=verdict, reasons=reasons, **found)


def _luma(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Rec. 601 luma at the common scale; never enlarged."""
    image = Image.fromarray(rgb)
    longest = max(image.size)
    if longest > SCALE:
        size = (
            max(3, round(image.width * SCALE / longest)),
            max(3, round(image.height * SCALE / longest)),
        )
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(image.convert("L"), dtype=np.float32)


def _ellipse(height: int, width: int) -> NDArray[np.bool_]:
    y = np.linspace(-1, 1, height)[:, None] / 0.85
    x = np.linspace(-1, 1, width)[None, :] / 0.85
    return x * x + y * y <= 1


def _reasons(side: int, found: Mapping[str, float]) -> list[str]:
    steps = (
        (side < 64, "tiny", side < 150, "small"),
        (
            found["brightness"] < 35 or found["dark"] > 0.5,
            "too-dark",
            found["brightness"] < 60 or found["dark"] > 0.25,
            "dark",
        ),
        (found["bright"] > 0.4, "too-bright", found["bright"] > 0.1, "bright"),
        (found["contrast"] < 6, "flat", False, ""),
        (found["sharpness"] < 2.6, "blurred", found["sharpness"] < 8, "soft"),
    )
    severe = [worse for is_worse, worse, _mild, _name in steps if is_worse]
    mild = [name for is_worse, _worse, is_mild, name in steps if is_mild and not is_worse]
    return severe + mild
