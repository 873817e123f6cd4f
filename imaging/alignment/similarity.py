"""A similarity of the plane: a turn, a scale and a shift."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Similarity:
    """Where a point of the moving image lies in the fixed one, both in pixels from a corner.

    x' = scale · (cos·x − sin·y) + dx, y' = scale · (sin·x + cos·y) + dy. The middle of the first
    pixel is at (0.5, 0.5), and a positive turn is clockwise as seen.
    """

    scale: float
    degrees: float
    dx: float
    dy: float

    @classmethod
    def of(cls, a: float, b: float, dx: float, dy: float) -> "Similarity":
        """The one with x' = a·x − b·y + dx, y' = b·x + a·y + dy."""
        turn = math.degrees(math.atan2(b, a))
        return cls(math.hypot(a, b), turn, float(dx), float(dy))

    @property
    def turned(self) -> tuple[float, float]:
        """`a` and `b` of `of`."""
        turn = math.radians(self.degrees)
        return self.scale * math.cos(turn), self.scale * math.sin(turn)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies in the fixed image."""
        a, b = self.turned
        return a * x - b * y + self.dx, b * x + a * y + self.dy

    def inverse(self) -> "Similarity":
        """From the fixed image back into the moving one."""
        a, b = self.turned
        square = a * a + b * b
        dx = -(a * self.dx + b * self.dy) / square
        dy = (b * self.dx - a * self.dy) / square
        return Similarity.of(a / square, -b / square, dx, dy)

    def resized(self, fixed: float, moving: float) -> "Similarity":
        """The same between images that are larger by these factors."""
        scale = self.scale * fixed / moving
        return Similarity(scale, self.degrees, self.dx * fixed, self.dy * fixed)
