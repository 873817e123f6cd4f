"""The whole figure from the front and from behind, 200 × 440 units: about 4 mm of a person each.

Seven and a half heads tall, standing as anatomists let people stand: arms a little away from the
body, palms to the front. Drawn as neither sex. Coordinates are those of the half at the view's left
edge; the middle is at x = 100.
"""

from django.utils.translation import gettext_lazy as _

from patients.body_map.figures.drawing import Cell, View, band, both, circle
from patients.body_map.geometry import Point, mirrored, smooth

WIDTH, HEIGHT = 200.0, 440.0

# Down from the top of the head along the outer side, and up again between arm, body and legs.
_HALF: list[Point] = [
    (100, 10), (90, 11.5), (82.5, 19), (79.6, 31),
    (77.6, 35), (77.4, 41), (80, 47.5),  # ear
    (83, 56), (88.6, 65.5), (90.3, 72), (89.4, 79.5),  # jaw and neck
    (80, 85.5), (66, 90), (55.6, 96), (50, 106), (47.6, 118),  # shoulder
    (45.4, 134), (42.8, 150), (39.4, 163), (35.4, 176), (31.4, 192), (27.6, 211),  # arm
    (23, 219), (16.6, 228), (12.6, 236.5), (14.6, 240), (19, 237.6), (22, 236.5),  # thumb
    (20.4, 246), (18.6, 257), (19.4, 266), (23.2, 268.4), (27.4, 262), (31, 250), (34.2, 236),
    (35.6, 222), (40.4, 205), (46.6, 188), (52, 172), (55.4, 158), (58.6, 140), (61.2, 122),
    (62.4, 114.5),  # armpit
    (63.6, 124), (65.4, 140), (68, 156), (69.6, 168), (69.2, 182), (66.4, 198), (63, 213),
    (60.6, 231), (60.4, 254), (63, 282), (66.4, 304), (69, 320), (69.4, 332),  # thigh and knee
    (67.2, 348), (68, 366), (72.4, 388), (76.6, 402), (76.4, 411),  # lower leg
    (71.6, 420), (68.6, 427.5), (73, 432), (82, 432.4), (88.4, 429),  # foot
    (89.4, 420), (87.6, 411), (86.6, 402), (88.8, 386), (90.6, 366), (90.4, 348), (88.6, 334),
    (89, 320), (91.4, 302), (95, 276), (97.6, 250), (98.8, 232),
]  # fmt: skip
_OUTLINE = smooth([*_HALF, (100, 226), *mirrored(_HALF[1:], WIDTH)])


def _front() -> list[Cell]:
    def two(name: str, *points: Point) -> list[Cell]:
        return both(name, WIDTH, "right", *points)

    return [
        # below everything: where a curve is wider than its cells
        Cell("face", band(0, 70, 70, 130)),
        *two("chest", (54, 80), (100, 80), (100, 142), (54, 142)),
        # head
        Cell("scalp", ((70, 4), (130, 4), (130, 30), (119, 28), (113, 21), (100, 18.5), (87, 21),
                       (81, 28), (70, 30))),
        *two("ear", (72, 31), (80.2, 31), (81, 48.5), (72, 50)),
        Cell("neck_front", ((93, 66), (107, 66), (109, 86), (91, 86))),
        *two("neck_side", (80, 64), (88.4, 64), (93, 66), (91, 86), (80, 87)),
        # trunk
        *two("collarbone", (72, 85), (94, 85), (94, 100), (62, 100)),
        Cell("breastbone", ((94, 85), (106, 85), (106, 142), (94, 142))),
        *two("upper_abdomen", (60, 142), (91, 142), (91, 178), (60, 178)),
        Cell("epigastric", band(142, 172, 91, 109)),
        *two("lower_abdomen", (54, 178), (100, 178), (100, 240), (54, 216)),
        Cell("lower_abdomen_middle", ((89, 186), (111, 186), (108, 212), (92, 212))),
        *two("upper_abdomen", (91, 172), (100, 172), (100, 178), (91, 178)),
        Cell("navel", circle(100, 179, 5.4)),
        # legs
        *two("thigh_front", (50, 214), (100, 232), (100, 306), (50, 306)),
        *two("thigh_inside", (90, 232), (100, 226), (100, 292), (91, 292)),
        *two("groin", (56, 205), (66, 203), (92, 220), (97, 230), (90, 234), (58, 216)),
        Cell("genital", ((90, 212), (110, 212), (106, 226), (100, 236), (94, 226))),
        *two("knee", (50, 306), (100, 306), (100, 338), (50, 338)),
        *two("shin", (50, 338), (100, 338), (100, 400), (50, 400)),
        *two("ankle_outside", (60, 400), (81.4, 400), (81.4, 413), (60, 413)),
        *two("ankle_inside", (81.4, 400), (100, 400), (100, 413), (81.4, 413)),
        *two("foot_back", (60, 413), (100, 413), (100, 425), (60, 425)),
        *two("toes", (60, 425), (100, 425), (100, 440), (60, 440)),
        # arms, on top of the trunk
        *two("shoulder", (40, 82), (72, 85), (62, 100), (60, 116), (40, 116)),
        *two("upper_arm_front", (36, 116), (61.4, 116), (59, 150), (36, 150)),
        *two("elbow_crease", (30, 150), (60, 150), (57, 170), (30, 170)),
        *two("forearm_front", (20, 170), (58, 170), (46, 208), (20, 206)),
        *two("wrist_front", (18, 206), (48, 208), (44, 221), (18, 217)),
        *two("palm", (10, 217), (42, 221), (38, 250), (8, 247)),
        *two("fingers_palm", (10, 246), (40, 249), (40, 275), (10, 275)),
        *two("thumb_palm", (6, 216), (24, 217), (21.5, 238.6), (6, 244)),
        *two("armpit", *circle(61, 116.5, 5.4, 8)),
    ]  # fmt: skip


def _back() -> list[Cell]:
    def two(name: str, *points: Point) -> list[Cell]:
        return both(name, WIDTH, "left", *points)

    return [
        Cell("scalp", band(0, 70, 70, 130)),
        *two("upper_back", (54, 80), (100, 80), (100, 140), (54, 140)),
        # head
        Cell("occiput", ((84, 26), (116, 26), (119, 52), (112, 58), (88, 58), (81, 52))),
        *two("ear", (72, 31), (80.2, 31), (81, 48.5), (72, 50)),
        Cell("nape", ((84, 58), (116, 58), (110, 68), (109, 86), (91, 86), (90, 68))),
        *two("neck_side", (80, 57), (86, 59), (92, 68), (91, 86), (80, 87)),
        # trunk
        Cell("upper_back_middle", band(85, 140, 92, 108)),
        *two("shoulder_blade", (66, 100), (92, 100), (90, 128), (80, 138), (66, 130)),
        *two("mid_back", (56, 140), (92, 140), (92, 164), (56, 164)),
        Cell("back_middle", band(140, 164, 92, 108)),
        *two("lower_back", (56, 164), (92, 164), (92, 200), (56, 200)),
        Cell("lower_back_middle", ((92, 164), (108, 164), (108, 200), (100, 208), (92, 200))),
        *two("buttock", (50, 198), (92, 198), (100, 208), (100, 240), (50, 236)),
        Cell("perianal", ((96.6, 208), (103.4, 208), (103.4, 226), (100, 234), (96.6, 226))),
        # legs
        *two("thigh_back", (50, 235), (100, 239), (100, 308), (50, 308)),
        *two("knee_hollow", (50, 308), (100, 308), (100, 336), (50, 336)),
        *two("calf", (50, 336), (100, 336), (100, 398), (50, 398)),
        *two("ankle_outside", (60, 398), (81.4, 398), (81.4, 414), (60, 414)),
        *two("ankle_inside", (81.4, 398), (100, 398), (100, 414), (81.4, 414)),
        *two("heel", (60, 412), (100, 412), (100, 440), (60, 440)),
        # arms
        *two("shoulder", (40, 82), (72, 85), (66, 100), (62, 116), (40, 116)),
        *two("upper_arm_back", (36, 116), (62.6, 116), (59, 148), (36, 148)),
        *two("elbow", (30, 148), (60, 148), (56, 172), (30, 172)),
        *two("forearm_back", (20, 172), (58, 172), (46, 208), (20, 206)),
        *two("wrist_back", (18, 206), (48, 208), (44, 221), (18, 217)),
        *two("hand_back", (10, 217), (42, 221), (38, 250), (8, 247)),
        *two("fingers_back", (10, 246), (40, 249), (40, 275), (10, 275)),
        *two("thumb_back", (6, 216), (24, 217), (21.5, 238.6), (6, 244)),
    ]


# For the eye alone; what is drawn at the left is drawn at the right, too.
_FRONT_STROKES = (
    "M91 36q3-2.4 6 0M103 36q3-2.4 6 0M100 38l-2 8.4q2 1.6 4 0M94.6 53q5.4 3 10.8 0",
    "M66 92q14-1 28-4M134 92q-14-1-28-4M94 88q6 4 12 0",
    "M70 128q12 8 24 1M130 128q-12 8-24 1M100 100v36",
    "M72 316q7 6 14 0M128 316q-7 6-14 0M73 328q6 4 12 0M127 328q-6 4-12 0",
    "M72.6 426v4M76.4 425.6v5M80.4 425.6v5M84.4 425v5M127.4 426v4M123.6 425.6v5M119.6 425.6v5"
    "M115.6 425v5",
    "M23.4 250l-1.4 14M27 251l-2.4 12M176.6 250l1.4 14M173 251l2.4 12",
)
_BACK_STROKES = (
    "M100 72v128",
    "M70 104q4 22 14 30M130 104q-4 22-14 30M70 103l16-2M130 103l-16-2",
    "M66 232q14 8 32 2M134 232q-14 8-32 2M100 206v28M93 196q7 5 14 0",
    "M72 322q8 3 15 0M128 322q-8 3-15 0M77 352q1 24 4 44M123 352q-1 24-4 44",
    "M44 158q5 4 10 1M156 158q-5 4-10 1",
    "M23.4 250l-1.4 14M27 251l-2.4 12M176.6 250l1.4 14M173 251l2.4 12",
)

VIEWS = [
    View("front", _("Front"), "body", WIDTH, HEIGHT, _OUTLINE, _front(), _FRONT_STROKES),
    View("back", _("Back"), "body", WIDTH, HEIGHT, _OUTLINE, _back(), _BACK_STROKES,
         sides=("left", "right")),
]  # fmt: skip
