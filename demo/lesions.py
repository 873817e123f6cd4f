"""A lesion: its kind, its outline as it grows, and the layers that its pattern is drawn into.

Layers are optical densities (0 is clear skin): where a structure lies in the skin decides its
colour, so melanin is brown near the surface and blue-grey in the dermis (Tyndall).
"""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from demo.structures import Array, Board, smoothstep, stream


class Kind(StrEnum):
    """The lesions we can draw; `ham10000` gives the class of the public data set."""

    NEVUS_RETICULAR = "nevus_reticular"
    NEVUS_GLOBULAR = "nevus_globular"
    NEVUS_HOMOGENEOUS = "nevus_homogeneous"
    MELANOMA = "melanoma"
    BASAL_CELL_CARCINOMA = "basal_cell_carcinoma"
    SEBORRHEIC_KERATOSIS = "seborrheic_keratosis"
    DERMATOFIBROMA = "dermatofibroma"
    VASCULAR = "vascular"
    ACTINIC_KERATOSIS = "actinic_keratosis"

    @property
    def ham10000(self) -> str:
        return _HAM10000[self]


_HAM10000 = {
    Kind.NEVUS_RETICULAR: "nv",
    Kind.NEVUS_GLOBULAR: "nv",
    Kind.NEVUS_HOMOGENEOUS: "nv",
    Kind.MELANOMA: "mel",
    Kind.BASAL_CELL_CARCINOMA: "bcc",
    Kind.SEBORRHEIC_KERATOSIS: "bkl",
    Kind.DERMATOFIBROMA: "df",
    Kind.VASCULAR: "vasc",
    Kind.ACTINIC_KERATOSIS: "akiec",
}


@dataclass(frozen=True)
class Lesion:
    """One lesion of one person; the same seed is the same lesion at every visit.

    `growth` multiplies the diameter at the first visit, `darkening` adds pigment density.
    """

    kind: Kind
    seed: int
    diameter_mm: float = 6.0
    growth: float = 1.0
    darkening: float = 0.0

    def __post_init__(self) -> None:
        if not (1.0 <= self.diameter_mm <= 12.0 and 0.5 <= self.growth <= 1.5):
            raise ValueError("A lesion measures 1 to 12 mm and grows by a factor of 0.5 to 1.5.")

    @property
    def board_mm(self) -> float:
        """Side of a board that holds the lesion and its growth.

        It does not depend on `growth`: structures keep their places from visit to visit.
        """
        return (2.1 if self.kind is Kind.MELANOMA else 1.8) * self.diameter_mm + 2.5


@dataclass
class Layers:
    """Density maps on one board; `depth` is mm inside the border (negative outside)."""

    board: Board
    depth: Array
    melanin: Array = field(init=False)
    deep: Array = field(init=False)
    blood: Array = field(init=False)
    venous: Array = field(init=False)
    keratin: Array = field(init=False)
    white: Array = field(init=False)

    def __post_init__(self) -> None:
        for name in LAYERS:
            setattr(self, name, self.board.blank())

    def edge(self, softness_mm: float) -> Array:
        """1 inside and 0 outside, with a border as soft as asked."""
        return smoothstep(self.depth, -softness_mm * 0.5, softness_mm)


LAYERS = ("melanin", "deep", "blood", "venous", "keratin", "white")

# Per kind: dent of the outline, fraying of the border in mm, oval ratio.
_OUTLINE = {
    Kind.NEVUS_RETICULAR: (0.05, 0.22, 1.25),
    Kind.NEVUS_GLOBULAR: (0.04, 0.16, 1.15),
    Kind.NEVUS_HOMOGENEOUS: (0.05, 0.16, 1.35),
    Kind.MELANOMA: (0.11, 0.34, 1.30),
    Kind.BASAL_CELL_CARCINOMA: (0.07, 0.25, 1.20),
    Kind.SEBORRHEIC_KERATOSIS: (0.06, 0.12, 1.25),
    Kind.DERMATOFIBROMA: (0.05, 0.40, 1.10),
    Kind.VASCULAR: (0.06, 0.12, 1.15),
    Kind.ACTINIC_KERATOSIS: (0.09, 0.45, 1.20),
}


def depth_inside(board: Board, lesion: Lesion) -> Array:
    """Mm inside the border of `lesion`, centred on `board`; negative outside."""
    dent, fray, oval = _OUTLINE[lesion.kind]
    rng = stream(lesion.seed, "outline")
    oval = 1.0 + (oval - 1.0) * rng.uniform(0.3, 1.7)
    dx, dy = (board.noise(rng, 2.4, 3) for _ in range(2))
    turn = rng.uniform(0, np.pi)
    x, y = board.x + np.float32(fray) * dx, board.y + np.float32(fray) * dy
    u = (x * np.cos(turn) + y * np.sin(turn)) / oval**0.5
    v = (y * np.cos(turn) - x * np.sin(turn)) * oval**0.5
    angle = np.linspace(-np.pi, np.pi, 1441, dtype=np.float32)
    reach = np.ones_like(angle)
    for k in (2, 3, 4, 5):
        wave = np.cos(k * angle + rng.uniform(0, 2 * np.pi))
        reach += np.float32(dent * rng.uniform(0.5, 1.2) * 1.6 / k) * wave
    # Growth is faster towards one side, as in the lesions that matter.
    side = np.cos(angle - np.float32(rng.uniform(0, 2 * np.pi)))
    uneven = 0.4 if lesion.kind is Kind.MELANOMA else 0.15
    reach *= np.float32(lesion.diameter_mm / 2)
    reach *= np.float32(lesion.growth) ** (1 + np.float32(uneven) * side)
    turns = np.arctan2(v, u) / np.float32(2 * np.pi) + np.float32(0.5)
    depth = reach[np.clip(turns * 1440, 0, 1440).astype(np.int32)] - np.hypot(u, v)
    # Whatever the noise does, the lesion ends on its board.
    room = board.side / 2 - 0.4 - np.maximum(np.abs(board.x), np.abs(board.y))
    return np.asarray(np.minimum(depth, room), dtype=np.float32)
