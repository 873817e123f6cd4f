"""What lies between skin and sensor: hairs, gel bubbles, the contact plate's ruler, the light.

Everything here belongs to the capture, not to the lesion, and works on the finished frame:
`rgb` is float32 (h, w, 3) in [0, 1], lengths are millimetres, `scale` is pixels per millimetre.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from demo.structures import Array, blur, resize, trace

RULER_STEP_MM = 1.0


def add_hairs(
    rgb: Array, scale: float, rng: np.random.Generator, density: float, colour: Array
) -> Array:
    """Curved, tapering hairs with a soft shadow; `density` in [0, 1]."""
    height, width = rgb.shape[:2]
    count = int(round(density * 34 * (height * width) / scale**2 / 155))
    if count == 0:
        return rgb
    sheet = Image.new("L", (width * 2, height * 2))
    pen = ImageDraw.Draw(sheet)
    mean_heading = rng.uniform(0, 2 * np.pi)
    for _ in range(count):
        length = rng.uniform(2.0, 11.0) * scale * 2
        heading = rng.normal(mean_heading, 0.45)
        bend = rng.normal(0, 0.9)
        way = np.linspace(0, 1, 40)
        turns = heading + bend * way + 0.12 * np.sin(way * rng.uniform(3, 9))
        points = np.stack([np.cos(turns), np.sin(turns)], axis=1).cumsum(axis=0) * length / 40
        points += rng.uniform(-0.1, 1.0, 2) * [width * 2, height * 2]
        thick = rng.uniform(0.035, 0.085) * scale * 2
        taper = thick * np.minimum(1, np.minimum(way / 0.04 + 0.6, (1.0 - way) / 0.45 + 0.25))
        trace(pen, points.astype(np.float32), taper.astype(np.float32), int(rng.uniform(170, 245)))
    cover = np.asarray(sheet.reduce(2), dtype=np.float32) / np.float32(255)
    shift = max(1, round(0.07 * scale))
    shadow = blur(np.roll(cover, (shift, shift), axis=(0, 1)), 0.09 * scale)
    rgb = rgb * (1 - 0.22 * shadow[..., None])
    cover = blur(cover, 0.012 * scale)[..., None]
    sheen = blur(np.roll(cover[..., 0], -1, axis=0), 0.3)[..., None] * 0.06
    return np.asarray(rgb * (1 - cover) + (colour + sheen) * cover, dtype=np.float32)


def add_bubbles(rgb: Array, scale: float, rng: np.random.Generator, count: int) -> Array:
    """Air in the gel: a dark rim, a bright crescent towards the light, a slightly lit inside."""
    height, width = rgb.shape[:2]
    rgb = rgb.copy()
    cluster = rng.uniform(0, 1, 2)
    for _ in range(count):
        near = rng.random() < 0.7
        place = cluster + rng.normal(0, 0.10, 2) if near else rng.uniform(0, 1, 2)
        radius = float(rng.gamma(2.0, 0.10) + 0.06) * scale
        cx, cy = float(place[0] * width), float(place[1] * height)
        reach = int(radius * 1.3) + 2
        rows = slice(max(0, int(cy) - reach), min(height, int(cy) + reach + 1))
        columns = slice(max(0, int(cx) - reach), min(width, int(cx) + reach + 1))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        y = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - cy) / radius
        x = (np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] - cx) / radius
        r = np.hypot(x, y)
        fine = max(1.2 / radius, 0.07)
        rim = np.exp(-(((r - 1.0) / fine) ** 2))
        facing = np.clip((-x - y) / (np.maximum(r, 1e-3) * 1.414), 0, 1)
        crescent = np.exp(-(((r - 0.84) / (1.6 * fine)) ** 2)) * facing**3
        glint = np.exp(-(((x + 0.38) ** 2 + (y + 0.38) ** 2) / 0.012))
        patch = rgb[rows, columns]
        patch = patch * (1 - 0.22 * rim[..., None]) * (1 + 0.05 * (r < 1)[..., None])
        light = np.clip(0.65 * crescent + 0.75 * glint, 0, 0.9)[..., None]
        rgb[rows, columns] = patch * (1 - light) + light * np.float32(0.98)
    return rgb


def add_ruler(rgb: Array, scale: float, edge: int) -> Array:
    """A graticule with a tick each millimetre and a long one each five, along one edge.

    `edge` 0–3 is bottom, right, top, left. Tick centres are exactly `RULER_STEP_MM` apart,
    counted from the middle of the edge.
    """
    turned = np.rot90(rgb, edge)
    height, width = turned.shape[:2]
    base = height - 0.55 * scale
    half = int((width / 2 - 0.4 * scale) / scale)
    rows = np.arange(height, dtype=np.float32)
    columns = np.arange(width, dtype=np.float32) + 0.5
    ink = np.zeros((height, width), dtype=np.float32)
    stroke = max(1.2, 0.055 * scale)
    for tick in range(-half, half + 1):
        length = (0.85 if tick % 5 == 0 else 0.45) * scale
        across = np.clip(stroke / 2 + 0.5 - np.abs(columns - width / 2 - tick * scale), 0, 1)
        along = np.clip(base - rows + 0.5, 0, 1) * np.clip(rows - (base - length) + 0.5, 0, 1)
        left, right = np.flatnonzero(across)[[0, -1]]
        ink[:, left : right + 1] += along[:, None] * across[left : right + 1]
    ink = np.minimum(ink, 1)[..., None]
    turned = turned * (1 - 0.9 * ink) + 0.03 * ink
    return np.ascontiguousarray(np.rot90(turned, -edge), dtype=np.float32)


def light(
    rgb: Array,
    rng: np.random.Generator,
    vignette: float,
    unevenness: float,
    tint: Array,
    exposure: float,
) -> Array:
    """Ring light that falls off outwards and sideways, with the camera's white balance."""
    height, width = rgb.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(0.75)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    lean = rng.normal(0, unevenness, 2)
    field = 1 - vignette * (x**2 + y**2) / 1.56 + lean[0] * x + lean[1] * y
    coarse = blur(rng.standard_normal((9, 12)).astype(np.float32), 1.2)
    field += resize(coarse, width, height) * np.float32(unevenness * 0.8)
    return np.asarray(rgb * field[..., None] * (tint * exposure), dtype=np.float32)


def field_stop(rgb: Array, rng: np.random.Generator, radius: float) -> Array:
    """The dark surround of a round contact plate; `radius` is relative to half the diagonal."""
    height, width = rgb.shape[:2]
    reach = np.hypot(height, width) / 2
    centre = rng.normal(0, 0.015, 2) * reach
    y = np.arange(height, dtype=np.float32)[:, None] - height / 2 - centre[0]
    x = np.arange(width, dtype=np.float32)[None, :] - width / 2 - centre[1]
    r = np.hypot(x, y) / np.float32(reach)
    open_ = np.clip((radius - r) / 0.022 + 0.5, 0, 1)
    glow = 0.82 + 0.18 * np.clip((radius - r) / 0.10, 0, 1)
    dark = np.array([0.05, 0.035, 0.05], dtype=np.float32)
    weight = (open_ * open_ * (3 - 2 * open_))[..., None]
    return np.asarray(rgb * glow[..., None] * weight + dark * (1 - weight), dtype=np.float32)


def sense(
    rgb: Array, rng: np.random.Generator, blur_px: float, noise: float
) -> npt.NDArray[np.uint8]:
    """The sensor: defocus, then grain that is stronger in the dark; returns uint8 (h, w, 3)."""
    height, width = rgb.shape[:2]
    if blur_px >= 0.2:
        rgb = np.stack([blur(rgb[..., c], blur_px) for c in range(3)], axis=-1)
    grain = rng.standard_normal((height, width), dtype=np.float32)[..., None]
    colour = rng.standard_normal((height // 2 + 1, width // 2 + 1, 3), dtype=np.float32)
    colour = colour.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    rgb = rgb + np.float32(noise) * (grain + 0.5 * colour) * (1.25 - 0.5 * rgb)
    return np.asarray(np.clip(rgb * 255 + 0.5, 0, 255), dtype=np.uint8)
