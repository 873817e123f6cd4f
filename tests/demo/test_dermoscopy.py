"""The drawn photographs: reproducible, to scale, and true to their mask."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from demo import optics
from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw

SMALL = (300, 225)
PLAIN = Capture.plain()
LUMA = np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("kind", list(Kind))
def test_same_spec_and_seed_give_the_same_bytes(kind: Kind) -> None:
    spec = Spec(SkinTone.TYPE_III, Lesion(kind, 7), size=SMALL)
    first, again, other = draw(spec, 3), draw(spec, 3), draw(spec, 4)
    assert first.image.shape == (225, 300, 3)
    assert first.image.dtype == np.uint8
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("tone", [SkinTone.TYPE_I, SkinTone.TYPE_VI])
def test_mask_is_where_the_lesion_is(kind: Kind, tone: SkinTone) -> None:
    spec = Spec(tone, Lesion(kind, 5, 6.0), PLAIN, size=SMALL)
    drawn, bare = draw(spec, 1), draw(Spec(tone, None, PLAIN, size=SMALL), 1)
    assert 0.05 < drawn.mask.mean() < 0.6
    assert not bare.mask.any()
    image = drawn.image.astype(float)
    skin = np.median(image[~drawn.mask], axis=0)
    unlike = np.abs(image - skin).sum(axis=-1)
    assert unlike[drawn.mask].mean() > 2.0 * unlike[~drawn.mask].mean()
    # Far from the border nothing of the lesion remains.
    far = ~ndimage.binary_dilation(drawn.mask, iterations=int(1.5 / drawn.mm_per_pixel))
    assert unlike[far].mean() < 0.6 * unlike[drawn.mask].mean()


def test_skin_tones_are_ordered_by_luminance() -> None:
    means = [
        (draw(Spec(tone, None, PLAIN, size=SMALL), 2).image @ LUMA).mean() for tone in SkinTone
    ]
    assert all(lighter > darker + 10 for lighter, darker in pairwise(means))


def test_lesion_has_the_size_it_is_given() -> None:
    for kind in (Kind.NEVUS_GLOBULAR, Kind.VASCULAR):
        drawn = draw(Spec(SkinTone.TYPE_II, Lesion(kind, 3, 5.0), PLAIN, size=SMALL), 1)
        diameter = 2 * np.sqrt(drawn.mask.sum() / np.pi) * drawn.mm_per_pixel
        assert diameter == pytest.approx(5.0, rel=0.2)


def test_scale_does_not_depend_on_the_number_of_pixels() -> None:
    lesion = Lesion(Kind.NEVUS_HOMOGENEOUS, 3, 5.0)
    areas = []
    for size in ((300, 225), (600, 450), (224, 224)):
        drawn = draw(Spec(SkinTone.TYPE_II, lesion, PLAIN, size=size), 1)
        assert drawn.image.shape == (size[1], size[0], 3)
        areas.append(drawn.mask.sum() * drawn.mm_per_pixel**2)
    assert areas == pytest.approx([areas[0]] * 3, rel=0.05)


def test_a_later_visit_shows_the_same_lesion_grown_and_darker() -> None:
    spec = Spec(SkinTone.TYPE_II, Lesion(Kind.MELANOMA, 11, 5.0), PLAIN, size=SMALL)
    first, later = draw(spec, 1), draw(spec.later(growth=1.2, darkening=0.5), 1)
    assert later.mask.sum() == pytest.approx(1.44 * first.mask.sum(), rel=0.2)
    inside = ndimage.binary_erosion(first.mask, iterations=8)
    before, after = first.image @ LUMA, later.image @ LUMA
    assert after[inside].mean() < before[inside].mean() - 3
    # Structures stay in place: bright and dark spots of both visits coincide.
    assert np.corrcoef(before[inside], after[inside])[0, 1] > 0.7
    other = draw(Spec(spec.tone, Lesion(Kind.MELANOMA, 12, 5.0), PLAIN, size=SMALL), 1)
    both = inside & other.mask
    assert np.corrcoef(before[both], (other.image @ LUMA)[both])[0, 1] < 0.6


def test_a_new_capture_moves_the_frame_but_keeps_the_lesion() -> None:
    spec = Spec(SkinTone.TYPE_II, Lesion(Kind.NEVUS_RETICULAR, 4, 5.0), size=SMALL)
    one, two = draw(spec, 1), draw(spec, 2)
    assert not np.array_equal(one.mask, two.mask)
    areas = [drawn.mask.sum() * drawn.mm_per_pixel**2 for drawn in (one, two)]
    assert areas[0] == pytest.approx(areas[1], rel=0.03)


@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.3])
def test_ruler_ticks_are_a_millimetre_apart(zoom: float) -> None:
    scale = zoom * 62.5
    blank = np.full((450, 600, 3), 0.8, dtype=np.float32)
    inked = 0.8 - optics.add_ruler(blank, scale, 0)[..., 0]
    row = inked[int(450 - 0.65 * scale)]
    labels, count = ndimage.label(row > 0.05)
    centres = np.array(ndimage.center_of_mass(row, labels, range(1, count + 1))).ravel()
    assert count >= 5
    assert np.diff(centres) / scale == pytest.approx(optics.RULER_STEP_MM, rel=0.01)


def test_drawn_ruler_agrees_with_mm_per_pixel() -> None:
    bare = draw(Spec(SkinTone.TYPE_I, None, PLAIN, size=(600, 450)), 9)
    ruled = draw(Spec(SkinTone.TYPE_I, None, replace(PLAIN, ruler=True), size=(600, 450)), 9)
    ink = (bare.image.astype(float) - ruled.image).sum(axis=-1)
    runs = []
    for profile in (ink.max(axis=0), ink.max(axis=1)):
        labels, count = ndimage.label(profile > 60)
        runs.append(np.array([np.mean(np.flatnonzero(labels == k + 1)) for k in range(count)]))
    ticks = max(runs, key=len)
    assert len(ticks) >= 5
    assert np.diff(ticks).mean() * ruled.mm_per_pixel == pytest.approx(1.0, rel=0.02)


def test_poor_captures_are_poor() -> None:
    def capture(given: Capture) -> npt.NDArray[np.float64]:
        spec = Spec(SkinTone.TYPE_II, Lesion(Kind.NEVUS_GLOBULAR, 3), given, size=SMALL)
        return np.asarray(draw(spec, 1).image @ LUMA)

    good = capture(PLAIN)
    dark = capture(replace(PLAIN, exposure=0.2))
    blurred = capture(replace(PLAIN, blur_mm=0.35))
    assert dark.mean() < 0.3 * good.mean()
    assert ndimage.laplace(blurred).std() < 0.6 * ndimage.laplace(good).std()


def test_jpeg_says_that_it_is_synthetic_and_keeps_the_colours() -> None:
    drawn = draw(Spec(SkinTone.TYPE_IV, Lesion(Kind.VASCULAR, 2), size=SMALL), 1)
    with Image.open(io.BytesIO(drawn.as_jpeg())) as picture:
        assert picture.format == "JPEG"
        assert b"Synthetic" in picture.info["comment"]
        pixels = np.asarray(picture).astype(float)
    assert np.abs(pixels - drawn.image).mean() < 4


@pytest.mark.parametrize(("diameter", "growth"), [(0.0, 1.0), (30.0, 1.0), (5.0, 3.0)])
def test_impossible_lesions_are_refused(diameter: float, growth: float) -> None:
    with pytest.raises(ValueError, match="measures 1 to 12 mm"):
        Lesion(Kind.VASCULAR, 1, diameter, growth)
