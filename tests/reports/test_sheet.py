"""The contact sheet: one scale for all images, or an honest word that there is none."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from imaging.models import Instance, Study
from patients.models import Lesion
from reports.models import OpinionState
from reports.selectors.review import EarlierVisit, Review, ReviewLesion
from reports.selectors.rows import ImageRow
from reports.selectors.sheet import sheet

NOW = timezone.now()


def image(
    width: int, height: int, spacing: Any = None, *, modality: str = "dermoscopy", **of: Any
) -> Instance:
    source = {"pixel_spacing_mm": spacing} if spacing else {}
    study = of.pop("study", None) or Study(acquired_at=NOW)
    return Instance(width=width, height=height, source=source, modality=modality, study=study, **of)


def row(number: int, *now: Instance, before: Instance | None = None) -> ReviewLesion:
    def rows(*images: Instance) -> list[ImageRow]:
        return [ImageRow(each, None, OpinionState.MISSING, seen=False) for each in images]

    earlier = [EarlierVisit(before.study, rows(before), None)] if before else []
    return ReviewLesion(
        lesion=Lesion(number=number),
        images=rows(*now),
        opinion=None,
        state=OpinionState.MISSING,
        assessment=None,
        open=True,
        earlier=earlier,
    )


def found(*rows: ReviewLesion, absent: Any = (), unseen: Any = ()) -> Review:
    return Review(
        study=Study(acquired_at=NOW),
        patient=None,
        claim=None,
        opted_out=False,
        lesions=list(rows),
        unassigned=[],
        reports=[],
        absent=list(absent),
        unseen=list(unseen),
    )


def test_a_millimetre_is_as_long_in_every_frame() -> None:
    """20 mm from 1000 pixels beside 10 mm from 2000: the second stands half as large."""
    made = sheet(
        found(
            row(1, image(1000, 750, [0.02, 0.02])),
            row(2, image(2000, 1500, [0.005, 0.005]), before=image(500, 375, [0.02, 0.02])),
        )
    )
    assert made.to_scale
    assert (made.width, made.height, made.frame) == (20.0, 15.0, "0 0 20 15")
    one, two = (each.now[0] for each in made.lesions)
    before = made.lesions[1].before
    assert before is not None
    assert (one.width, one.height, one.x, one.y) == (20.0, 15.0, 0.0, 0.0)
    assert (two.width, two.height, two.x, two.y) == (10.0, 7.5, 5.0, 3.75)
    assert (before.width, before.height) == (10.0, 7.5)
    assert made.bar == 5


def test_rows_and_columns_have_each_their_own_spacing() -> None:
    """DICOM's Pixel Spacing: first between rows, down; then between columns, across."""
    made = sheet(found(row(1, image(100, 100, [0.2, 0.1]))))
    picture = made.lesions[0].now[0]
    assert (picture.width, picture.height) == (10.0, 20.0)


@pytest.mark.parametrize("which", ["now", "before", "absent"])
def test_one_image_without_a_scale_and_none_has_one(which: str) -> None:
    bare = image(640, 480)
    known = image(1000, 750, [0.02, 0.02])
    gone = image(300, 300, None if which == "absent" else [0.1, 0.1], lesion=Lesion(number=9))
    one = row(1, bare if which == "now" else known, before=bare if which == "before" else known)
    made = sheet(found(one, absent=[gone]))
    assert not made.to_scale
    assert made.bar is None
    shown = [made.lesions[0].now[0], made.lesions[0].before, made.absent[0].picture]
    for picture in shown:
        assert picture is not None
        whole = picture.width <= made.width and picture.height <= made.height
        assert whole
        assert picture.width == made.width or picture.height == made.height
        assert not picture.cut


def test_an_overview_is_cut_rather_than_dwarfing_the_rest() -> None:
    back = image(4000, 3000, [0.1, 0.1], modality="clinical")
    made = sheet(found(row(1, image(1000, 750, [0.02, 0.02])), row(2, back)))
    assert (made.width, made.height) == (20.0, 15.0)
    picture = made.lesions[1].now[0]
    assert (picture.cut, picture.width, picture.x) == (True, 400.0, -190.0)


def test_the_image_beside_is_of_the_last_visit_and_of_the_same_kind() -> None:
    study = Study(acquired_at=NOW - timedelta(days=90))
    overview = image(100, 75, modality="clinical", study=study)
    close = image(100, 75, study=study)
    shown = row(1, image(100, 75), before=overview)
    shown.earlier[0].images.append(ImageRow(close, None, OpinionState.MISSING, seen=True))
    picture = sheet(found(shown)).lesions[0].before
    assert picture is not None
    assert picture.instance is close


def test_lesions_that_the_visit_shows_nothing_of_stand_by_number() -> None:
    seen = image(100, 75, lesion=Lesion(number=7), study=Study(acquired_at=NOW))
    made = sheet(found(row(1, image(100, 75)), absent=[seen], unseen=[Lesion(number=3)]))
    assert [(each.lesion.number, each.picture is None) for each in made.absent] == [
        (3, True),
        (7, False),
    ]


def test_a_visit_without_images_has_an_empty_sheet() -> None:
    made = sheet(found())
    assert (made.lesions, made.absent, made.to_scale) == ([], [], False)
