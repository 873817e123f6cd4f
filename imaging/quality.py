"""Whether an image is good enough to look at: sharpness, exposure and size, in milliseconds.

A verdict never stops an upload; it tells the photographer while the patient is still there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray
from PIL import Image

SCALE = 256  # longest side, pixels, at which everything is measured
INNER = 0.85  # axes of the ellipse that is looked at, as a share of the sides
CLIPPED = (12, 250)  # luma: as dark, as bright as this is black, is burnt out

Limit = tuple[str, str, float]

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


@dataclass(frozen=True)
class Flaw:
    """When a measure says that something is wrong: each of `bad` alone makes the image `worse`
    (poor), else each of `mild` alone makes it `less` (limited). A limit is (measure, "<" or ">",
    number)."""

    worse: str
    bad: tuple[Limit, ...]
    less: str = ""
    mild: tuple[Limit, ...] = ()


# The one source of all limits: the browser judges by the same ones (static/js/capture/measure.js),
# which the visit's page carries. The measures are those of `Quality`, and `side`, the shorter side.
FLAWS: tuple[Flaw, ...] = (
    Flaw("tiny", (("side", "<", 64),), "small", (("side", "<", 150),)),
    Flaw(
        "too-dark",
        (("brightness", "<", 35), ("dark", ">", 0.5)),
        "dark",
        (("brightness", "<", 60), ("dark", ">", 0.25)),
    ),
    Flaw("too-bright", (("bright", ">", 0.4),), "bright", (("bright", ">", 0.1),)),
    Flaw("flat", (("contrast", "<", 6),)),
    Flaw("blurred", (("sharpness", "<", 2.6),), "soft", (("sharpness", "<", 8),)),
)


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
        "dark": float((levels <= CLIPPED[0]).mean()),
        "bright": float((levels >= CLIPPED[1]).mean()),
    }
    worse, less = judge(found | {"side": min(width, height)})
    verdict = POOR if worse else LIMITED if less else GOOD
    return Quality(width=width, height=height, verdict=verdict, reasons=(*worse, *less), **found)


def judge(found: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """What makes an image poor and what only limits it, by its measures."""
    worse = [flaw.worse for flaw in FLAWS if _any(found, flaw.bad)]
    less = [flaw.less for flaw in FLAWS if flaw.worse not in worse and _any(found, flaw.mild)]
    return worse, less


def for_browser() -> dict[str, object]:
    """Everything that the browser needs to come to the same verdict, with the words for it."""
    return {
        "scale": SCALE,
        "inner": INNER,
        "clipped": CLIPPED,
        "flaws": [asdict(flaw) for flaw in FLAWS],
        "sentences": {reason: sentence(reason) for reason in SENTENCES},
    }


def _any(found: Mapping[str, float], limits: tuple[Limit, ...]) -> bool:
    return any(
        found[name] < number if sign == "<" else found[name] > number
        for name, sign, number in limits
    )


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
    y = np.linspace(-1, 1, height)[:, None] / INNER
    x = np.linspace(-1, 1, width)[None, :] / INNER
    return x * x + y * y <= 1
