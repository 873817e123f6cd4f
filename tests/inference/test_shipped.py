"""The packages that come with the product: whole, small, and looking at the lesion."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from demo.dermoscopy import Capture, Drawing, Kind, Lesion, SkinTone, Spec, draw
from inference import package
from inference.engine import Case, Engine
from inference.network import task
from tests import packages

MEGABYTES = 40  # of all weights together
SIZE = (600, 450)
KINDS = [Kind.MELANOMA, Kind.NEVUS_RETICULAR, Kind.BASAL_CELL_CARCINOMA, Kind.VASCULAR]
SHIPPED = packages.all_shipped()


def test_the_weights_stay_small() -> None:
    assert sum((path / package.WEIGHTS).stat().st_size for path in SHIPPED) <= MEGABYTES * 1e6


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_package_is_whole(folder: Path) -> None:
    """Its task is one of ours, its figures and training images are named, its hash is right."""
    read = package.read(folder)
    read.arrays()
    known = task.named(read.task)
    assert known is not None
    assert [(row.key, row.code, row.malignant) for row in read.classes] == [
        (row.key, row.code, row.malignant) for row in known.classes
    ]
    assert read.modality == known.modality
    assert read.fields == known.fields
    assert {point.name for point in read.operating_points} == set(known.targets)
    assert len(read.training_ids.read_text().split()) > 100
    assert read.metrics.is_file()
    assert read.card
    assert read.manifest["terms"] == known.terms


@pytest.mark.parametrize("folder", [path for path in SHIPPED if "ham" in path.name])
def test_without_the_lesion_its_class_goes(folder: Path) -> None:
    """What the opinion rests on is the lesion: painted over with skin, its evidence is gone."""
    engine = Engine.load(folder, batch_sizes=(1, 2, 4))
    drawings = [
        draw(Spec(SkinTone.TYPE_II, Lesion(kind, seed=seed), Capture.plain(), size=SIZE), seed)
        for seed, kind in enumerate(KINDS * 2)
    ]
    seen = engine.predict([Case(drawing.image) for drawing in drawings])
    gone = engine.predict([Case(_painted(drawing)) for drawing in drawings])
    prior = dict(zip(engine.package.keys, engine.package.prior, strict=True))
    drops = [
        _evidence(before.image_only, prior)[before.decision]
        - _evidence(after.image_only, prior)[before.decision]
        for before, after in zip(seen, gone, strict=True)
    ]
    assert np.mean(drops) > 0.1
    assert np.mean(np.array(drops) > 0) > 0.7


@pytest.mark.parametrize("folder", [path for path in SHIPPED if "ham" in path.name])
def test_lost_resolution_does_not_speak_for_a_nevus(folder: Path) -> None:
    """Squares of 224 pixels, and the same after passing through 150: the network saw both kinds."""
    engine = Engine.load(folder, batch_sizes=(1, 2, 4))
    squares = [
        Image.fromarray(
            draw(Spec(tone, Lesion(kind, seed=seed), Capture.plain(), size=SIZE), seed).image
        ).resize((224, 224), Image.Resampling.BICUBIC, box=(75, 0, 525, 450))
        for seed, (kind, tone) in enumerate(product(KINDS, (SkinTone.TYPE_II, SkinTone.TYPE_V)))
    ]
    coarse = [
        square.resize((150, 150), Image.Resampling.BICUBIC).resize(
            (224, 224), Image.Resampling.BICUBIC
        )
        for square in squares
    ]
    prior = dict(zip(engine.package.keys, engine.package.prior, strict=True))
    fine, lost = (
        [
            _evidence(found.image_only, prior)
            for found in engine.predict([Case(np.asarray(square)) for square in images])
        ]
        for images in (squares, coarse)
    )
    spread = max(np.ptp([said[key] for said in fine]) for key in prior)
    assert spread > 0.2, "the drawings are all alike to it"
    gained = [after["nv"] - before["nv"] for before, after in zip(fine, lost, strict=True)]
    assert np.mean(gained) < 0.05


def _painted(drawing: Drawing) -> NDArray[np.uint8]:
    """The lesion and a rim around it in the colour of the skin beside it."""
    lesion = ndimage.binary_dilation(drawing.mask, iterations=15)
    skin = np.median(drawing.image[~lesion], axis=0)
    return np.where(lesion[..., None], skin, drawing.image).astype(np.uint8)


def _evidence(shares: dict[str, float], prior: dict[str, float]) -> dict[str, float]:
    whole = sum(shares[key] / prior[key] for key in shares)
    return {key: shares[key] / prior[key] / whole for key in shares}
