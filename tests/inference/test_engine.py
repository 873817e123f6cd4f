"""The engine with the shipped package: batches, refusals, what a finding holds."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inference import package
from inference.engine import Case, Engine, Metadata, PackageRefused, UnreadableImage, heat
from inference.network import posterior
from tests.inference.test_package import SHIPPED

LARGEST = 4


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(SHIPPED, batch_sizes=(1, 2, LARGEST))


def lesion(seed: int, size: tuple[int, int] = (200, 150)) -> Image.Image:
    """A dark, rough blot on skin: enough for numbers, no stand-in for a real image."""
    rng = np.random.default_rng(seed)
    width, height = size
    across, down = np.meshgrid(np.linspace(-1.33, 1.33, width), np.linspace(-1, 1, height))
    blot = np.exp(-(((across**2 + down**2) / rng.uniform(0.1, 0.4)) ** 2))[..., None]
    skin = np.array([214, 168, 148]) + rng.normal(0, 9, (height, width, 1))
    pixels = skin * (1 - 0.6 * blot) + rng.normal(0, 14, (height, width, 3)) * blot
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def squares(engine: Engine, count: int) -> list[NDArray[np.uint8]]:
    return [engine.prepare(encoded(lesion(seed))) for seed in range(count)]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


def test_a_batch_says_what_single_cases_say(engine: Engine) -> None:
    known = [Metadata(), Metadata(70, "male", "face"), Metadata(30, None, "back")]
    cases = [Case(square, known[row % 3]) for row, square in enumerate(squares(engine, 7))]
    together = engine.predict(cases)
    alone = [engine.predict([case])[0] for case in cases]
    assert len(together) == 7
    for one, other in zip(together, alone, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        assert one.decision == other.decision
        assert one.embedding_distance == pytest.approx(other.embedding_distance, rel=1e-3)
        assert np.abs(one.saliency.astype(int) - other.saliency).max() <= 2


def test_no_case_no_finding(engine: Engine) -> None:
    assert engine.predict([]) == []


def test_a_finding_holds_together(engine: Engine) -> None:
    [found] = engine.predict([Case(squares(engine, 1)[0], Metadata(60, "female", "moon"))])
    shares = found.probabilities
    assert sum(shares.values()) == pytest.approx(1)
    assert found.ranked == sorted(shares, key=lambda key: -shares[key])
    assert found.malignant_probability == pytest.approx(
        shares["akiec"] + shares["bcc"] + shares["mel"]
    )
    threshold = engine.package.operating_points[0].threshold
    assert found.operating_point["threshold"] == threshold
    assert (found.triage == "urgent") == (found.malignant_probability >= threshold)
    assert found.metadata_used == {"age": 60.0, "sex": "female"}
    assert found.prediction_set is not None
    assert found.prediction_set == found.prediction_sets["90"]
    assert set(found.prediction_set) <= set(found.prediction_sets["95"])
    assert found.ranked[0] in found.prediction_set
    assert found.saliency.dtype == np.uint8
    assert found.saliency.shape == (5, 5)


def test_the_decision_is_that_of_the_balanced_rule(engine: Engine) -> None:
    for found in engine.predict([Case(square) for square in squares(engine, 4)]):
        shares = np.array([[found.probabilities[key] for key in engine.package.keys]])
        [best] = posterior.decisions(shares, engine.package.prior)
        assert found.decision == engine.package.keys[best]


def test_metadata_change_the_answer(engine: Engine) -> None:
    [square] = squares(engine, 1)
    young, old = engine.predict(
        [Case(square, Metadata(15, "female", "foot")), Case(square, Metadata(80, "male", "face"))]
    )
    assert young.probabilities != pytest.approx(old.probabilities, abs=1e-3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_prepare_gives_the_square_of_the_network(engine: Engine, kind: str) -> None:
    size = engine.package.input_size
    prepared = engine.prepare(encoded(lesion(0, (600, 450)), kind))
    assert prepared.shape == (size, size, 3)
    assert prepared.dtype == np.uint8


def test_an_image_of_any_size_is_prepared_alike(engine: Engine) -> None:
    image = lesion(3, (600, 450))
    whole, prepared = engine.predict(
        [Case(np.asarray(image)), Case(engine.prepare(encoded(image)))]
    )
    assert whole.probabilities == pytest.approx(prepared.probabilities, abs=1e-6)


def test_what_is_no_image_is_refused(engine: Engine) -> None:
    for data in (b"", b"<html></html>", encoded(lesion(0))[:2000]):
        with pytest.raises(UnreadableImage):
            engine.prepare(data)
    with pytest.raises(ValueError, match="uint8 RGB"):
        engine.predict([Case(np.zeros((160, 160), np.uint8))])
    with pytest.raises(ValueError, match="uint8 RGB"):
        engine.predict([Case(np.zeros((160, 160, 3), np.float32))])


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (lesion(0, (80, 60)), "too_small"),
        (Image.new("RGB", (300, 300), (120, 90, 80)), "blank"),
        (Image.new("RGB", (300, 300)), "blank"),
        (lesion(0, (600, 450)).filter(ImageFilter.GaussianBlur(60)), "blurred"),
        (Image.effect_noise((300, 300), 120).convert("RGB"), "unlike"),
    ],
)
def test_a_declined_case_has_a_reason_and_figures(
    engine: Engine, image: Image.Image, code: str
) -> None:
    [found] = engine.predict([Case(engine.prepare(encoded(image)))])
    assert found.declined_code == code
    assert found.declined_reason is not None
    assert found.declined_reason.endswith(".")
    assert sum(found.probabilities.values()) == pytest.approx(1)


def test_heat_shows_positive_evidence_only() -> None:
    drawn = heat(np.array([[-3.0, 0.0], [1.0, 2.0]], np.float32))
    assert drawn.tolist() == [[0, 0], [128, 255]]
    assert heat(np.full((2, 2), -1, np.float32)).max() == 0


def test_bare_forward_is_the_batch_and_nothing_else(engine: Engine) -> None:
    batch = np.stack(squares(engine, LARGEST))
    logits, maps, embedding = engine.bare_forward(batch)
    assert logits.shape == (LARGEST, 7)
    assert maps.shape == (LARGEST, 5, 5, 7)
    assert embedding.shape == (LARGEST, 1280)
    with pytest.raises(KeyError):
        engine.bare_forward(batch[:3])


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "package"))
    weights = folder / package.WEIGHTS
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(PackageRefused):
        Engine.load(folder)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    shipped = package.read(SHIPPED)
    arrays = shipped.arrays()
    arrays["head/kernel"] = arrays["head/kernel"][:, :5]
    package.write(tmp_path, shipped.manifest, arrays, shipped.card)
    with pytest.raises(PackageRefused, match="do not fit"):
        Engine.load(tmp_path, batch_sizes=(1,))
    del arrays["head/kernel"]
    package.write(tmp_path, shipped.manifest, arrays, shipped.card)
    with pytest.raises(PackageRefused, match="head/kernel"):
        Engine.load(tmp_path, batch_sizes=(1,))
