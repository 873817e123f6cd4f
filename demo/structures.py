"""The drawing board: a square of skin measured in millimetres, and the strokes drawn on it.

All strokes take millimetres with the origin in the middle, so a picture looks the same at every
resolution, and each takes its own random stream, so that one structure never moves another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage, spatial

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]
Polyline = tuple[Array, Array]
"""Points (n, 2) in mm and widths (n,) in mm."""

_SUPERSAMPLE = 2


def stream(seed: int, name: str) -> np.random.Generator:
    """An independent random stream for `name`, the same for ever for a given seed."""
    return np.random.default_rng([seed & 0xFFFFFFFF, crc32(name.encode())])


def smoothstep(x: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, with flat ends between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur; `sigma` in pixels."""
    if sigma < 0.2:
        return image
    return np.asarray(
        ndimage.gaussian_filter(image, sigma, truncate=2.5, mode="nearest"), dtype=np.float32
    )


def resize(image: Array, width: int, height: int) -> Array:
    """Bicubic resampling of one float channel."""
    picture = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Board:
    """A square of `side` mm drawn on `pixels` × `pixels`."""

    side: float
    pixels: int
    x: Array = field(init=False, repr=False, compare=False)
    y: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        axis = ((np.arange(self.pixels) + 0.5) / self.scale - self.side / 2).astype(np.float32)
        object.__setattr__(self, "x", axis[None, :])
        object.__setattr__(self, "y", axis[:, None])

    @property
    def scale(self) -> float:
        """Pixels per millimetre."""
        return self.pixels / self.side

    def blank(self) -> Array:
        return np.zeros((self.pixels, self.pixels), dtype=np.float32)

    def soften(self, image: Array, sigma_mm: float) -> Array:
        return blur(image, sigma_mm * self.scale)

    def at(self, image: Array, points: Floats) -> Array:
        """Values of `image` under `points` (n, 2) in mm; outside, those of the nearest edge."""
        index = np.clip((points + self.side / 2) * self.scale, 0, self.pixels - 1).astype(int)
        return np.asarray(image[index[:, 1], index[:, 0]], dtype=np.float32)

    def noise(self, rng: np.random.Generator, grain_mm: float, octaves: int = 1) -> Array:
        """Smooth noise of zero mean and unit variance with features of about `grain_mm`."""
        total, power = self.blank(), 0.0
        for octave in range(octaves):
            step = grain_mm / 2.0 / 2**octave
            cells = int(np.ceil(self.side / step)) + 2
            lattice = rng.standard_normal((cells, cells)).astype(np.float32)
            lattice = blur(lattice, 1.0) * np.float32(3.4)
            weight = 0.5**octave
            span = int(round(cells * step * self.scale))
            layer = resize(lattice, span, span)[: self.pixels, : self.pixels]
            total += np.float32(weight) * layer
            power += weight**2
        return np.asarray(total / np.float32(np.sqrt(power)), dtype=np.float32)

    def scatter(self, rng: np.random.Generator, spacing_mm: float, jitter: float = 0.9) -> Array:
        """Points (n, 2) over the whole board on a jittered hexagonal lattice."""
        rows = int(np.ceil(self.side / (spacing_mm * 0.866))) + 2
        columns = int(np.ceil(self.side / spacing_mm)) + 2
        row, column = np.mgrid[0:rows, 0:columns]
        points = np.stack([column + 0.5 * (row % 2), row * 0.866], axis=-1).reshape(-1, 2)
        points = (points + jitter * (rng.random(points.shape) - 0.5)) * spacing_mm - self.side / 2
        return np.asarray(points, dtype=np.float32)

    def _sheet(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        size = self.pixels * _SUPERSAMPLE
        sheet = Image.new("L", (size, size))
        return sheet, ImageDraw.Draw(sheet)

    def _pixels(self, points: Floats) -> Array:
        scaled = (points + self.side / 2) * self.scale * _SUPERSAMPLE
        return np.asarray(scaled, dtype=np.float32)

    @staticmethod
    def _read(sheet: Image.Image) -> Array:
        return np.asarray(sheet.reduce(_SUPERSAMPLE), dtype=np.float32) / np.float32(255)

    def network(
        self,
        centres: Floats,
        width_mm: float,
        rng: np.random.Generator,
        presence: Array,
        variation: float = 0.3,
    ) -> Array:
        """The walls between `centres` (their Voronoi cells) as lines of about `width_mm`.

        `presence` is a map in [0, 1] that thins and pales the lines; `variation` makes their
        widths differ. The result is in [0, 1]; corners are rounded as rete ridges are.
        """
        cells = spatial.Voronoi(centres)
        ridges = np.asarray(cells.ridge_vertices)
        chance = rng.random(len(ridges)).astype(np.float32)
        ends = cells.vertices[np.maximum(ridges, 0)].astype(np.float32)
        middle = ends.mean(axis=1)
        inside = (ridges.min(axis=1) >= 0) & (np.abs(middle).max(axis=1) < self.side / 2)
        strength = np.where(inside, self.at(presence, middle), 0.0)
        widths = width_mm * (1.0 + variation * (2.0 * chance - 1.0)) * (0.6 + 0.4 * strength)
        sheet, pen = self._sheet()
        ends, widths = self._pixels(ends), widths * self.scale * _SUPERSAMPLE
        for i in np.flatnonzero(strength > 0.03)[np.argsort(strength[strength > 0.03])]:
            shade = int(255 * min(1.0, strength[i]))
            pen.line(ends[i].ravel().tolist(), fill=shade, width=max(1, round(float(widths[i]))))
        lines = self.soften(self._read(sheet), width_mm * 0.38)
        return np.asarray(np.minimum(lines * 1.25, 1.0), dtype=np.float32)

    def blobs(
        self,
        centres: Floats,
        radii: Floats,
        strengths: Floats,
        rng: np.random.Generator,
        irregularity: float = 0.15,
        stretch: float = 1.0,
    ) -> Array:
        """Filled roundish spots, later ones over earlier ones; values are their strengths.

        `irregularity` dents the outlines; `stretch` > 1 makes them oval in random directions.
        """
        turns = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        phases = rng.random((len(centres), 4)) * 2 * np.pi
        sheet, pen = self._sheet()
        for centre, radius, strength, phase in zip(centres, radii, strengths, phases, strict=True):
            if strength <= 0 or radius <= 0:
                continue
            dent = np.cos(2 * turns + phase[0]) + np.cos(3 * turns + phase[1])
            reach = radius * (1 + irregularity * (dent + 0.6 * np.cos(5 * turns + phase[2])) / 2)
            along, across = reach * np.cos(turns) * stretch**0.5, reach * np.sin(turns)
            across = across / stretch**0.5
            cos, sin = np.cos(phase[3]), np.sin(phase[3])
            ring = np.stack([along * cos - across * sin, along * sin + across * cos], axis=1)
            outline = self._pixels(np.asarray(ring + centre, dtype=np.float32))
            pen.polygon(outline.ravel().tolist(), fill=int(255 * min(1.0, strength)))
        return self._read(sheet)

    def cells(
        self, centres: Floats, strengths: Floats, shrink: float, rng: np.random.Generator
    ) -> Array:
        """Voronoi cells drawn as separate rounded bodies (lacunae, cobblestones)."""
        cells = spatial.Voronoi(centres)
        sizes = shrink * (0.85 + 0.3 * rng.random(len(centres)))
        sheet, pen = self._sheet()
        for number in np.flatnonzero(strengths > 0):
            corners, centre = cells.regions[cells.point_region[number]], centres[number]
            if len(corners) < 3 or -1 in corners:
                continue
            ring = (cells.vertices[corners] - centre) * sizes[number]
            outline = self._pixels(np.asarray(ring + centre, dtype=np.float32))
            pen.polygon(outline.ravel().tolist(), fill=int(255 * min(1.0, strengths[number])))
        return self._read(sheet)

    def strokes(self, lines: Iterable[Polyline], strengths: Sequence[float] = ()) -> Array:
        """Tapering curves (vessels, streaks) as a map in [0, 1]."""
        sheet, pen = self._sheet()
        for number, (points, widths) in enumerate(lines):
            shade = int(255 * strengths[number]) if len(strengths) else 255
            trace(pen, self._pixels(points), widths * self.scale * _SUPERSAMPLE, shade)
        return self._read(sheet)


def trace(pen: ImageDraw.ImageDraw, points: Floats, widths: Array, shade: int) -> None:
    """Draw one curve segment by segment; joints are rounded where the curve is thick."""
    corners = points.tolist()
    for i in range(len(corners) - 1):
        width = max(1, round(float(widths[i])))
        pen.line([*corners[i], *corners[i + 1]], fill=shade, width=width)
        if width > 3:
            (x, y), r = corners[i], width / 2 - 0.5
            pen.ellipse([x - r, y - r, x + r, y + r], fill=shade)


def vessel_tree(
    rng: np.random.Generator,
    start: tuple[float, float],
    heading: float,
    width_mm: float,
    length_mm: float,
    depth: int = 4,
) -> list[Polyline]:
    """An arborising vessel: a winding stem that thins and forks (Zalaudek 2008)."""
    steps = max(6, int(length_mm / 0.08))
    turns = heading + np.cumsum(rng.normal(0.0, 0.16, steps))
    turns += 0.35 * np.sin(np.linspace(0, rng.uniform(3, 9), steps) + rng.uniform(0, 6))
    step = length_mm / steps
    points = np.stack([np.cos(turns), np.sin(turns)], axis=1).cumsum(axis=0) * step
    points = np.vstack([np.zeros((1, 2)), points]) + np.asarray(start)
    widths = width_mm * np.linspace(1.0, 0.55, steps + 1)
    tree: list[Polyline] = [(points.astype(np.float32), widths.astype(np.float32))]
    if depth == 0 or width_mm < 0.02:
        return tree
    for fork in sorted(rng.integers(steps // 4, steps + 1, size=int(rng.integers(2, 4)))):
        side = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 1.0))
        at = (float(points[fork, 0]), float(points[fork, 1]))
        direction = float(turns[min(fork, steps - 1)]) + side
        tree += vessel_tree(
            rng, at, direction, float(widths[fork]) * 0.72, length_mm * 0.62, depth - 1
        )
    return tree
