"""The contact sheet of a visit: its lesions side by side, each beside its last visit's image.

All pictures stand at one scale: so many millimetres to a picture's side, the same for each. That
takes the scale of every image, which only some files state; where one does not, all frames are
equally large, and the page says that sizes cannot be compared.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imaging.models import Instance, Modality, Study
from patients.models import Lesion
from reports.selectors.review import Review, ReviewLesion

SIDES = (4.0, 3.0)  # of a frame where no scale is known, in no unit
BARS = (1, 2, 5, 10, 20, 50, 100)  # millimetres that a scale's bar may be long
SHARE = 0.4  # of a frame's width that the bar may take


@dataclass(frozen=True)
class Picture:
    """An image in a frame of the sheet, in the frame's units: millimetres where the scale is known.

    `cut`: the image is larger than the frame, which shows its middle.
    """

    instance: Instance
    x: float
    y: float
    width: float
    height: float
    cut: bool


@dataclass(frozen=True)
class SheetLesion:
    """A lesion of the visit: its images now, and one of the visit before."""

    row: ReviewLesion
    now: list[Picture]
    before: Picture | None


@dataclass(frozen=True)
class Absent:
    """A lesion that the visit shows nothing of, with the last image that there is."""

    lesion: Lesion
    picture: Picture | None
    study: Study | None


@dataclass(frozen=True)
class Sheet:
    """`width` and `height` are every frame's: millimetres if `to_scale`, else in no unit.

    `bar` is a length to compare with, in millimetres; None where none is, or none fits.
    """

    lesions: list[SheetLesion]
    absent: list[Absent]
    width: float
    height: float
    to_scale: bool
    bar: int | None

    @property
    def frame(self) -> str:
        """The frames' viewBox."""
        return f"0 0 {self.width:g} {self.height:g}"


def sheet(found: Review) -> Sheet:
    """The sheet of a visit; it asks the database nothing."""
    shown = [image.instance for row in found.lesions for image in row.images]
    before = {row.lesion.pk: _last(row) for row in found.lesions}
    held = [*shown, *(each for each in before.values() if each is not None), *found.absent]
    sizes = {each.pk: _millimetres(each) for each in held}
    known = {pk: size for pk, size in sizes.items() if size is not None}
    to_scale = bool(known) and len(known) == len(sizes)
    width, height = _frame(held, known) if to_scale else SIDES

    def picture(instance: Instance) -> Picture:
        own = known[instance.pk] if to_scale else _fitted(instance, width, height)
        return _placed(instance, own, width, height)

    lesions = []
    for row in found.lesions:
        earlier = before[row.lesion.pk]
        lesions.append(
            SheetLesion(
                row=row,
                now=[picture(image.instance) for image in row.images],
                before=picture(earlier) if earlier is not None else None,
            )
        )
    absent = [
        Absent(each.lesion, picture(each), each.study)
        for each in found.absent
        if each.lesion is not None
    ]
    absent += [Absent(each, None, None) for each in found.unseen]
    absent.sort(key=lambda each: each.lesion.number)
    bar = _bar(width) if to_scale else None
    return Sheet(lesions, absent, width, height, to_scale, bar)


def _last(row: ReviewLesion) -> Instance | None:
    """An image of the visit before: of the kind of today's, if there is one."""
    if not row.earlier:
        return None
    images = [each.instance for each in row.earlier[0].images]
    kind = row.images[0].instance.modality
    return next((each for each in images if each.modality == kind), images[0])


def _millimetres(instance: Instance) -> tuple[float, float] | None:
    """Width and height of what an image shows, by its file's Pixel Spacing (row, column)."""
    source: Mapping[str, Any] = instance.source
    spacing = source.get("pixel_spacing_mm")
    if not spacing:
        return None
    down, across = float(spacing[0]), float(spacing[1])
    return instance.width * across, instance.height * down


def _frame(
    held: list[Instance], known: Mapping[uuid.UUID, tuple[float, float]]
) -> tuple[float, float]:
    """As large as the largest dermoscopic image; an overview of the back would dwarf the rest."""
    close = [known[each.pk] for each in held if each.modality == Modality.DERMOSCOPY]
    sizes = close or list(known.values())
    return max(width for width, _height in sizes), max(height for _width, height in sizes)


def _fitted(instance: Instance, width: float, height: float) -> tuple[float, float]:
    """Whole in the frame, as large as it goes."""
    scale = min(width / instance.width, height / instance.height)
    return instance.width * scale, instance.height * scale


def _placed(instance: Instance, size: tuple[float, float], width: float, height: float) -> Picture:
    across, down = size
    return Picture(
        instance=instance,
        x=round((width - across) / 2, 4),
        y=round((height - down) / 2, 4),
        width=round(across, 4),
        height=round(down, 4),
        cut=across > width * 1.001 or down > height * 1.001,
    )


def _bar(width: float) -> int | None:
    fitting = [each for each in BARS if each <= width * SHARE]
    return fitting[-1] if fitting else None
