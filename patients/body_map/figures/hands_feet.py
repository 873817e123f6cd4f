"""Hands and feet: each side of each, 200 × 300 units, about 0.8 mm each.

Drawn once with thumb or great toe at the right: so lies the right palm, the back of the left hand,
the sole of the right foot and the back of the left one. The others are mirror images.
"""

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from patients.body_map.figures.drawing import Cell, View
from patients.body_map.geometry import Polygon, mirrored, smooth

WIDTH, HEIGHT = 200.0, 300.0

_HAND = smooth([
    (64, 294), (62, 268), (54, 240), (46, 214), (41, 192),
    (32, 164), (25, 134), (28, 118), (37, 118), (44, 132), (52, 160), (56, 172),  # little
    (54, 140), (52, 100), (55, 78), (65, 72), (73, 80), (77, 112), (80, 160), (84.5, 168),  # ring
    (84, 124), (84, 84), (87, 60), (98, 53), (107, 62), (109, 100), (110, 160), (114.5, 168),
    (117, 132), (119, 96), (124, 76), (134, 74), (141, 86), (139, 124), (136, 172),  # index
    (138, 198), (146, 206), (158, 192), (170, 172), (182, 163), (191, 170), (189, 190),  # thumb
    (174, 222), (152, 250), (136, 268), (132, 294),
])  # fmt: skip

# finger: (its cell, its nail)
_FINGERS: dict[str, tuple[Polygon, Polygon]] = {
    "little": (((10, 100), (48, 100), (60, 178), (41, 196), (20, 176)),
               smooth([(28, 126), (32, 120), (38, 124), (42, 138), (36, 144), (30, 140)])),
    "ring": (((48, 60), (78, 60), (83, 173), (58, 180)),
             smooth([(57, 84), (64, 77), (71, 85), (72, 100), (65, 104), (58, 100)])),
    "middle": (((78, 40), (112.6, 40), (112.6, 174), (83, 173)),
               smooth([(89.6, 67), (98, 59), (105, 68), (105.6, 84), (98, 88), (90, 84)])),
    "index": (((112.6, 60), (150, 60), (146, 180), (112.6, 174)),
              smooth([(125, 84), (132, 79), (138.6, 88), (137, 102), (130, 105), (123.6, 100)])),
    "thumb": (((138, 200), (146, 206), (158, 150), (200, 150), (200, 200), (168, 230)),
              smooth([(176, 176), (183, 169), (188.6, 174), (186, 188), (179, 194), (173, 188)])),
}  # fmt: skip
_WHOLE: Polygon = ((0, 0), (200, 0), (200, 300), (0, 300))


def _palm(side: str) -> list[Cell]:
    own = _named(side)
    return [
        own("palm", _WHOLE),
        own("thenar", smooth([(104, 262), (104, 236), (120, 212), (140, 200), (168, 230),
                              (150, 262), (132, 276)])),
        own("hypothenar", ((40, 204), (62, 204), (78, 230), (80, 264), (50, 264))),
        *(own(f"{finger}_palm", cell) for finger, (cell, _nail) in _FINGERS.items()),
        own("wrist_front", ((40, 264), (160, 264), (160, 300), (40, 300))),
    ]  # fmt: skip


def _hand_back(side: str) -> list[Cell]:
    own = _named(side)
    return [
        own("hand_back", _WHOLE),
        *(own(f"{finger}_back", cell) for finger, (cell, _nail) in _FINGERS.items()),
        *(own(f"{finger}_nail", nail) for finger, (_cell, nail) in _FINGERS.items()),
        own("wrist_back", ((40, 264), (160, 264), (160, 300), (40, 300))),
    ]


_FOOT = smooth([
    (84, 290), (60, 276), (50, 244), (54, 204), (49, 168), (40, 134),  # heel and outer border
    (32, 104), (31, 88), (37, 78), (46, 80), (51, 88),  # fifth toe
    (50, 68), (55, 57), (65, 57), (71, 72), (71, 58), (77, 46), (88, 46), (93, 62),  # 4th, 3rd
    (94, 46), (101, 34), (113, 35), (117, 54),  # second
    (120, 36), (128, 18), (145, 12), (158, 22), (163, 46), (158, 72),  # great toe
    (163, 96), (160, 124), (146, 160), (136, 196), (138, 230), (138, 262), (122, 286),
])  # fmt: skip
_TOES: dict[str, tuple[Polygon, Polygon]] = {
    "fifth": (((20, 66), (48, 70), (53, 94), (34, 112), (20, 110)),
              smooth([(36, 86), (41, 83), (45, 88), (45, 95), (40, 97), (36, 93)])),
    "fourth": (((44, 44), (71, 50), (73, 80), (53, 94), (48, 70)),
               smooth([(56, 65), (62, 62), (67, 68), (67, 75), (61, 78), (56, 74)])),
    "third": (((71, 36), (93.4, 40), (96, 68), (73, 80)),
              smooth([(78, 54), (84, 51), (89.6, 57), (90, 65), (84, 68), (78, 64)])),
    "second": (((93.4, 24), (117.6, 24), (119, 60), (96, 68)),
               smooth([(101, 43), (108, 40), (113.6, 46), (114, 55), (108, 58), (101, 54)])),
    "great": (((117.6, 4), (176, 4), (172, 66), (119, 66)),
              smooth([(130, 26), (143, 20), (154, 28), (155, 42), (143, 47), (131, 42)])),
}  # fmt: skip


def _sole(side: str) -> list[Cell]:
    own = _named(side)
    return [
        own("sole_arch", _WHOLE),
        own("sole_inside", ((146, 130), (176, 120), (176, 240), (124, 240), (124, 190))),
        own("sole_outside", ((20, 130), (62, 138), (72, 190), (74, 240), (30, 240))),
        own("sole_ball", ((20, 90), (53, 82), (73, 70), (119, 58), (180, 60), (180, 118),
                          (150, 138), (100, 142), (62, 138), (20, 130))),
        own("sole_heel", ((30, 238), (74, 230), (96, 227), (124, 230), (170, 238), (170, 300),
                          (30, 300))),
        *(own(f"{toe}_toe_sole", cell) for toe, (cell, _nail) in _TOES.items()),
    ]  # fmt: skip


def _foot_back(side: str) -> list[Cell]:
    own = _named(side)
    return [
        own("foot_back", _WHOLE),
        *(own(f"{toe}_toe", cell) for toe, (cell, _nail) in _TOES.items()),
        *(own(f"{toe}_toe_nail", nail) for toe, (_cell, nail) in _TOES.items()),
        own("ankle_outside", ((30, 244), (94, 232), (94, 300), (30, 300))),
        own("ankle_inside", ((94, 232), (170, 244), (170, 300), (94, 300))),
    ]


def _named(side: str) -> Callable[[str, Polygon], Cell]:
    """Makes cells of one side's regions."""
    return lambda name, polygon: Cell(f"{name}_{side}", polygon)


_PALM_STROKES = (
    "M104 262q-2-30 14-48q8-8 18-12", "M58 204q30 10 74-18", "M64 224q30 6 62-28",
    "M34 150l14-6M29 136l12-5M56 132l22-2M54 104l20-2M85 128l24 0M86 96l21 0M118 130l21 2"
    "M121 102l19 3M160 196l16 12",
)  # fmt: skip
_HAND_STROKES = (
    "M60 196l6 40M82 190l2 42M106 190l-2 42M128 194l-8 38",
    "M36 152q6 2 10-4M55 130q11 4 22-1M85 126q12 4 24 0M118 128q11 5 21 1M160 194q6 8 14 12",
)
_SOLE_STROKES = ("M52 132q46 20 100-10", "M112 150q14 40 6 78")
_FOOT_STROKES = (
    "M60 110l16 70M82 98l10 80M104 92l2 84M138 92l-14 84",
    "M56 250q6-10 12 0M124 246q6-10 12 0",
)


def _pair(
    key: str,
    labels: dict[str, StrPromise],
    group: str,
    outline: Polygon,
    cells: dict[str, list[Cell]],
    strokes: tuple[str, ...],
    *,
    drawn: str,
) -> list[View]:
    """Both sides, the one at the left edge first; `drawn` is the side that needs no mirror."""
    views = []
    for side in (drawn, "left" if drawn == "right" else "right"):
        own = cells[side]
        flipped = side != drawn
        if flipped:
            own = [Cell(each.region, mirrored(each.polygon, WIDTH)) for each in own]
        views.append(
            View(f"{key}_{side}", labels[side], group, WIDTH, HEIGHT,
                 mirrored(outline, WIDTH) if flipped else outline, own, strokes,
                 sides=None, flipped=flipped)
        )  # fmt: skip
    return views


def _of_both(make: Callable[[str], list[Cell]]) -> dict[str, list[Cell]]:
    return {side: make(side) for side in ("left", "right")}


VIEWS = [
    *_pair("palm", {"right": _("Right palm"), "left": _("Left palm")}, "hands", _HAND,
           _of_both(_palm), _PALM_STROKES, drawn="right"),
    *_pair("hand_back", {"left": _("Back of the left hand"), "right": _("Back of the right hand")},
           "hands", _HAND, _of_both(_hand_back), _HAND_STROKES, drawn="left"),
    *_pair("foot_back", {"left": _("Left foot, from above"), "right": _("Right foot, from above")},
           "feet", _FOOT, _of_both(_foot_back), _FOOT_STROKES, drawn="left"),
    *_pair("sole", {"right": _("Right sole"), "left": _("Left sole")}, "feet", _FOOT,
           _of_both(_sole), _SOLE_STROKES, drawn="right"),
]  # fmt: skip
