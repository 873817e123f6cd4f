"""The procedural dermoscope: skin, a lesion and a capture in, a photograph with its truth out.

Colour is light through pigment: skin reflects a tone, each layer absorbs by Beer and Lambert's
law, white structures scatter on top. A lesion is drawn once on its own board, then framed.
"""

import io
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from demo import optics
from demo.lesions import LAYERS, Kind, Layers, Lesion
from demo.patterns import draw_lesion
from demo.structures import Array, Board, smoothstep, stream

_T = TypeVar("_T")

__all__ = ["SYNTHETIC", "Capture", "Drawing", "Kind", "Lesion", "SkinTone", "Spec", "draw"]

SYNTHETIC = "Synthetic image drawn by a program. It shows no person and must not be used for care."
DEFAULT_SIZE = (900, 675)
FIELD_DIAGONAL_MM = 18.0
_SKIN_SIDE_MM = 26.0
_SKIN_PIXELS = 560


class SkinTone(IntEnum):
    """Fitzpatrick's phototypes."""

    TYPE_I = 1
    TYPE_II = 2
    TYPE_III = 3
    TYPE_IV = 4
    TYPE_V = 5
    TYPE_VI = 6


# Mean skin under polarised dermoscopy, sRGB.
_TONES = np.array(
    [
        (230, 194, 193),
        (219, 175, 170),
        (206, 156, 144),
        (176, 124, 106),
        (133, 89, 72),
        (93, 62, 53),
    ],
    dtype=np.float32,
) / np.float32(255)

# Absorption of each layer in R, G, B.
_ABSORPTION = {
    "melanin": (0.44, 1.00, 1.18),
    "deep": (1.00, 0.66, 0.40),
    "blood": (0.10, 1.00, 0.74),
    "venous": (0.80, 1.10, 0.42),
    "keratin": (0.06, 0.24, 0.85),
}
_WHITE = np.array((0.96, 0.91, 0.91), dtype=np.float32)

# White balance of three makes of dermatoscope: neutral, warm, violet.
_TINTS = ((1.0, 1.0, 1.0), (1.05, 0.97, 0.90), (0.97, 0.955, 1.07))
_HAIR = {"dark": (0.10, 0.07, 0.06), "brown": (0.24, 0.15, 0.10), "fair": (0.62, 0.47, 0.32)}


@dataclass(frozen=True)
class Capture:
    """How the picture was taken. `None` lets the capture's seed decide.

    `hairs` in [0, 1]; `field_stop` is the radius of the round plate relative to half the
    diagonal (1.2 hides it); `blur_mm` is extra defocus; `exposure` 1 is right, 0.3 is dark;
    `shift_mm` and `turn_degrees` frame the lesion; `zoom` > 1 comes closer.
    """

    hairs: float | None = None
    ruler: bool | None = None
    bubbles: int | None = None
    vignette: float | None = None
    field_stop: float | None = None
    blur_mm: float = 0.0
    exposure: float | None = None
    noise: float = 0.008
    shift_mm: tuple[float, float] | None = None
    turn_degrees: float | None = None
    zoom: float | None = None
    device: int | None = None

    @classmethod
    def plain(cls) -> "Capture":
        """Nothing between skin and sensor: for measurements."""
        return cls(0.0, False, 0, 0.0, 1.2, 0.0, 1.0, 0.0, (0.0, 0.0), 0.0, 1.0, 0)


@dataclass(frozen=True)
class Spec:
    """One picture: who (tone, skin), what (lesion; None is bare skin), how (capture)."""

    tone: SkinTone
    lesion: Lesion | None
    capture: Capture = Capture()
    sun_damage: float = 0.3
    size: tuple[int, int] = DEFAULT_SIZE

    def later(self, *, growth: float = 1.0, darkening: float = 0.0) -> "Spec":
        """The same lesion at a later visit."""
        if self.lesion is None:
            return self
        lesion = self.lesion
        lesion = replace(
            lesion, growth=lesion.growth * growth, darkening=lesion.darkening + darkening
        )
        return replace(self, lesion=lesion)


@dataclass(frozen=True)
class Drawing:
    """`image` uint8 (h, w, 3) sRGB; `mask` bool (h, w), the lesion; the scale of a pixel."""

    image: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.bool_]
    mm_per_pixel: float

    def as_jpeg(self, quality: int = 92) -> bytes:
        """A JPEG file that says in its comment that it is synthetic."""
        buffer = io.BytesIO()
        Image.fromarray(self.image).save(buffer, "JPEG", quality=quality, comment=SYNTHETIC)
        return buffer.getvalue()


def draw(spec: Spec, seed: int) -> Drawing:
    """Draw `spec` as captured by `seed`; the same two give the same bytes.

    `seed` moves framing, hairs, light and noise only; the lesion and its skin come from
    `spec.lesion.seed`.
    """
    width, height = spec.size
    capture, rng = spec.capture, stream(seed, "capture")
    zoom = _or(capture.zoom, float(rng.uniform(0.92, 1.12)))
    mm_per_pixel = FIELD_DIAGONAL_MM / zoom / float(np.hypot(width, height))
    frame = _Frame(
        width,
        height,
        mm_per_pixel,
        _or(capture.turn_degrees, float(rng.normal(0, 9))),
        _or(capture.shift_mm, (float(rng.normal(0, 0.45)), float(rng.normal(0, 0.35)))),
    )
    identity = spec.lesion.seed if spec.lesion else seed
    rgb = _skin(spec, frame, identity)
    mask = np.zeros((height, width), dtype=np.bool_)
    if spec.lesion is not None:
        side = spec.lesion.board_mm
        pixels = int(round(side * float(np.hypot(width, height)) / FIELD_DIAGONAL_MM * 0.94))
        layers = draw_lesion(Board(side, pixels), spec.lesion)
        rgb, mask = _lay(rgb, layers, frame)
    rgb = _photograph(rgb, spec, frame, rng)
    blur_px = 0.010 / mm_per_pixel + capture.blur_mm / mm_per_pixel
    image = optics.sense(rgb, stream(seed, "sensor"), blur_px, capture.noise)
    return Drawing(image=image, mask=mask, mm_per_pixel=mm_per_pixel)


@dataclass(frozen=True)
class _Frame:
    """The camera's view of a board."""

    width: int
    height: int
    mm_per_pixel: float
    turn_degrees: float
    shift_mm: tuple[float, float]

    @property
    def scale(self) -> float:
        return 1 / self.mm_per_pixel

    def see(self, board: Board, image: npt.NDArray[np.floating], outside: float = 0.0) -> Array:
        """`image` of `board` as framed, with `outside` beyond the board."""
        turn = np.deg2rad(self.turn_degrees)
        k = self.mm_per_pixel * board.scale
        cos, sin = k * np.cos(turn), k * np.sin(turn)
        middle = board.pixels / 2
        dx = self.width / 2 + self.shift_mm[0] * self.scale
        dy = self.height / 2 + self.shift_mm[1] * self.scale
        matrix = (cos, sin, middle - cos * dx - sin * dy, -sin, cos, middle + sin * dx - cos * dy)
        picture = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32))
        seen = picture.transform(
            (self.width, self.height),
            Image.Transform.AFFINE,
            matrix,
            Image.Resampling.BILINEAR,
            fillcolor=outside,
        )
        return np.asarray(seen)


def _skin(spec: Spec, frame: _Frame, identity: int) -> Array:
    """The bare skin as seen (h, w, 3)."""
    board, rng = Board(_SKIN_SIDE_MM, _SKIN_PIXELS), stream(identity, "skin")
    dark = (spec.tone - 1) / 5
    mottle, flush = board.noise(rng, 3.0, 4), board.noise(rng, 4.0, 3)
    melanin = 0.035 * mottle + 0.05 * dark * board.noise(rng, 0.5, 3)
    # Furrows of the skin's surface: a fine net, more visible where skin is darker.
    net = board.network(board.scatter(rng, 0.62, 1.1), 0.09, rng, np.full_like(mottle, 0.8), 0.6)
    relief = 0.05 * board.soften(net, 0.05)
    melanin += np.float32(0.35 * dark) * relief * 4
    if spec.sun_damage > 0:
        spots = smoothstep(board.noise(rng, 1.8, 4), 0.95, 2.5)
        melanin += np.float32(0.32 * spec.sun_damage * (1 - 0.6 * dark)) * spots
    blood = 0.035 * flush + 0.045 * np.abs(board.noise(rng, 1.1, 3))
    fine = 1 - np.abs(board.noise(rng, 1.6, 3))
    veins = smoothstep(fine, 0.93, 1.0) * smoothstep(flush, -0.3, 1.3)
    blood += np.float32(0.22 * (0.3 + spec.sun_damage) * (1 - dark)) * veins
    brown, red, lift = (frame.see(board, layer) for layer in (melanin, blood, relief))
    rgb = np.empty((*brown.shape, 3), dtype=np.float32)
    tone = _TONES[spec.tone - 1]
    for c in range(3):
        density = brown * _ABSORPTION["melanin"][c] + red * _ABSORPTION["blood"][c] - lift
        rgb[..., c] = tone[c] * np.exp(-density)
    return rgb


def _lay(rgb: Array, layers: Layers, frame: _Frame) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Lay the lesion over the skin; its mask is where the framed depth is positive."""
    board = layers.board
    seen = {name: frame.see(board, getattr(layers, name)) for name in LAYERS}
    # Dense melanin is black rather than saturated brown: red is absorbed faster than linearly.
    thick = 0.16 * seen["melanin"] ** 2
    white = np.clip(seen["white"], 0, 0.92)
    out = np.empty_like(rgb)
    for c in range(3):
        density = thick if c == 0 else 0
        for name, absorption in _ABSORPTION.items():
            density = density + np.float32(absorption[c]) * seen[name]
        out[..., c] = rgb[..., c] * np.exp(-density)
        # Scatter is itself seen through the skin's tone.
        glow = _WHITE[c] * (0.45 + 0.55 * rgb[..., c])
        out[..., c] += white * (glow - out[..., c])
    out += np.float32(0.022)
    mask = frame.see(board, layers.depth, outside=-1.0) > 0
    return out, mask


def _photograph(rgb: Array, spec: Spec, frame: _Frame, rng: np.random.Generator) -> Array:
    """Everything between skin and sensor, in the order light meets it."""
    capture, scale = spec.capture, frame.scale
    chance = rng.random(6)
    hairs = _or(capture.hairs, float(chance[0] ** 2 if chance[1] < 0.6 else 0.0))
    shades = ["dark"] if spec.tone >= SkinTone.TYPE_IV else ["dark", "brown", "brown", "fair"]
    colour = np.array(_HAIR[shades[int(chance[2] * len(shades))]], dtype=np.float32)
    rgb = optics.add_hairs(rgb, scale, rng, hairs, colour)
    bubbles = _or(capture.bubbles, int(rng.integers(4, 22)) if chance[3] < 0.30 else 0)
    rgb = optics.add_bubbles(rgb, scale, rng, bubbles)
    edge = int(rng.integers(0, 4))
    if _or(capture.ruler, bool(chance[4] < 0.35)):
        rgb = optics.add_ruler(rgb, scale, edge)
    device = _or(capture.device, int(rng.integers(0, len(_TINTS))))
    vignette = _or(capture.vignette, float(rng.uniform(0.10, 0.30)))
    exposure = _or(capture.exposure, float(rng.uniform(0.94, 1.05)))
    uneven = 0.0 if capture.vignette == 0 else 0.035
    tint = np.array(_TINTS[device % len(_TINTS)], dtype=np.float32)
    rgb = optics.light(rgb, rng, vignette, uneven, tint, exposure)
    stop = _or(capture.field_stop, float(rng.uniform(0.80, 0.97)) if chance[5] < 0.45 else 1.2)
    return optics.field_stop(rgb, rng, stop) if stop < 1.1 else rgb


def _or(given: _T | None, otherwise: _T) -> _T:
    return otherwise if given is None else given
