"""The engine with a small untrained network: batches, refusals, what a finding holds."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference import package
from inference.engine import Case, Engine, Metadata, PackageRefused, UnreadableImage
from inference.network import posterior
from inference.network.saliency import UnusableMap
from tests import packages

LARGEST = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.served(tmp_path_factory.mktemp("package"), mask=True).folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine.load(folder, batch_sizes=(1, 2, LARGEST, 16))


def lesion(seed: int, size: tuple[int, int] = (200, 150)) -> Image.Image:
    """A dark, rough blot on skin: enough for numbers, no stand-in for a real image."""
    rng = np.random.default_rng(seed)
    width, height = size
    across, down = np.meshgrid(np.linspace(-1.33, 1.33, width), np.linspace(-1, 1, height))
    blot = np.exp(-(((across**2 + down**2) / rng.uniform(0.1, 0.4)) ** 2))[..., None]
    skin = np.array([214, 168, 148]) + rng.normal(0, 9, (height, width, 1))
    pixels = skin * (1 - 0.6 * blot) + rng.normal(0, 14, (height, width, 3)) * blot
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def frames(engine: Engine, count: int) -> list[NDArray[np.uint8]]:
    return [engine.prepare(encoded(lesion(seed))) for seed in range(count)]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


def test_a_batch_says_what_single_cases_say(engine: Engine) -> None:
    known = [Metadata(), Metadata(70, "male", "face"), Metadata(30, None, "back")]
    cases = [Case(frame, known[row % 3]) for row, frame in enumerate(frames(engine, 7))]
    together = engine.predict(cases)
    alone = [engine.predict([case])[0] for case in cases]
    assert len(together) == 7
    assert len({round(found.triage_score, 6) for found in together}) == 7
    for one, other in zip(together, alone, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        assert one.image_only == pytest.approx(other.image_only, abs=1e-4)
        assert one.decision == other.decision
        assert one.embedding_distance == pytest.approx(other.embedding_distance, rel=1e-3)
        assert np.abs(one.saliency.astype(int) - other.saliency).max() <= 2
        assert one.mask is not None and other.mask is not None
        assert np.abs(one.mask.astype(int) - other.mask).max() <= 2


def test_no_case_no_finding(engine: Engine) -> None:
    assert engine.predict([]) == []


def test_a_pass_holds_no_more_squares_than_a_processor_likes(engine: Engine) -> None:
    assert engine.batch_sizes == (1, 2, 4)


def test_a_finding_holds_together(engine: Engine) -> None:
    [found] = engine.predict([Case(frames(engine, 1)[0], Metadata(60, "female", "moon"))])
    shares, alone = found.probabilities, found.image_only
    assert sum(shares.values()) == pytest.approx(1)
    assert sum(alone.values()) == pytest.approx(1)
    assert found.ranked == sorted(shares, key=lambda key: -shares[key])
    ill = ("akiec", "bcc", "mel")
    assert found.malignant_probability == pytest.approx(sum(shares[key] for key in ill))
    assert found.triage_score == pytest.approx(
        max(found.malignant_probability, sum(alone[key] for key in ill))
    )
    assert found.metadata_used == {"age": 60.0, "sex": "female"}
    assert found.prediction_set is not None
    assert found.prediction_set == found.prediction_sets["90"]
    assert set(found.prediction_set) <= set(found.prediction_sets["95"])
    assert found.ranked[0] in found.prediction_set
    assert found.saliency.dtype == np.uint8
    assert found.saliency.shape == (2, 2)
    assert found.mask is not None and found.mask.shape == (16, 16)
    assert found.embedding is not None and found.embedding.dtype == np.float16
    assert np.linalg.norm(found.embedding.astype(float)) == pytest.approx(1, abs=1e-2)
    assert found.runtime == engine.runtime
    assert set(found.runtime) == {"tensorflow", "keras", "numpy", "python", "device", "threads"}
    assert all(found.runtime.values())


def test_the_least_threshold_binds(engine: Engine) -> None:
    """Every promise at once: a case is urgent as soon as any class's threshold is reached."""
    thresholds = {point.name: point.threshold for point in engine.package.operating_points}
    assert len(thresholds) == 3
    for found in engine.predict([Case(frame) for frame in frames(engine, 4)]):
        assert found.operating_point["threshold"] == min(thresholds.values())
        assert {row["name"]: row["threshold"] for row in found.operating_points} == thresholds
        urgent = found.triage_score >= min(thresholds.values())
        assert found.triage == ("urgent" if urgent else "routine")


def test_youth_does_not_clear_what_the_image_shows(engine: Engine) -> None:
    [frame] = frames(engine, 1)
    told = [Case(frame, Metadata(age, sex)) for age in (5, 40, 95) for sex in ("male", "female")]
    for found in engine.predict(told):
        alone = sum(found.image_only[key] for key in ("akiec", "bcc", "mel"))
        assert found.triage_score >= alone


def test_the_decision_is_that_of_the_balanced_rule(engine: Engine) -> None:
    for found in engine.predict([Case(frame) for frame in frames(engine, 4)]):
        shares = np.array([[found.probabilities[key] for key in engine.package.keys]])
        [best] = posterior.decisions(shares, engine.package.prior)
        assert found.decision == engine.package.keys[best]


def test_metadata_change_the_answer_and_not_the_one_without_them(engine: Engine) -> None:
    [frame] = frames(engine, 1)
    young, old, untold = engine.predict(
        [
            Case(frame, Metadata(15, "female", "foot")),
            Case(frame, Metadata(80, "male", "face")),
            Case(frame),
        ]
    )
    assert young.probabilities != pytest.approx(old.probabilities, abs=1e-3)
    assert young.image_only == pytest.approx(old.image_only, abs=1e-5)
    assert untold.probabilities == pytest.approx(untold.image_only, abs=1e-5)
    assert untold.image_only == pytest.approx(old.image_only, abs=1e-5)


def test_a_turned_or_mirrored_image_gives_the_same_answer(engine: Engine) -> None:
    frame = engine.prepare(encoded(lesion(2, (240, 180))))
    turns = [frame, np.rot90(frame)]
    turns += [turn[:, ::-1] for turn in turns]
    upright, *others = engine.predict([Case(turn) for turn in turns])
    assert upright.mask is not None and np.ptp(upright.mask) > 0
    for found in others:
        assert found.probabilities == pytest.approx(upright.probabilities, abs=1e-3)
    turned = others[0]
    assert turned.mask is not None
    assert np.abs(np.rot90(upright.mask).astype(int) - turned.mask).max() <= 2
    assert np.abs(np.rot90(upright.saliency).astype(int) - turned.saliency).max() <= 3


def test_the_mean_of_a_map_is_its_logit_without_the_bias(engine: Engine, folder: Path) -> None:
    arrays = package.read(folder).arrays()
    bias = (arrays["member0/head/bias"] + arrays["member1/head/bias"]) / 2
    outputs = engine.bare_forward(np.stack([frame[:, :64] for frame in frames(engine, 2)]))
    means = outputs["maps"].mean(axis=(1, 2))
    np.testing.assert_allclose(means, outputs["logits"] - bias, rtol=1e-3, atol=1e-3)
    assert np.abs(bias).max() > 0.1


def test_the_maps_are_those_of_the_first_class_and_of_melanoma(engine: Engine) -> None:
    [frame] = frames(engine, 1)
    [found] = engine.predict([Case(frame)])
    maps = engine.bare_forward(frame[None, :, 10:74])["maps"][0]
    keys = engine.package.keys
    for key, grid in ((found.ranked[0], found.saliency), ("mel", found.melanoma_saliency)):
        assert grid is not None
        evidence = maps[..., keys.index(key)] - maps.mean(axis=2)
        wanted = np.clip(evidence / engine.package.saliency_scale, 0, 1) * 255
        assert np.abs(grid - wanted).max() <= 2


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_maps_that_cannot_be_shown_fail_loudly(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, broken: float
) -> None:
    outputs = engine.bare_forward(np.stack([frame[:, :64] for frame in frames(engine, 1)]))
    maps = outputs["maps"].copy()
    maps[0, 0, 0, 0] = broken
    monkeypatch.setattr(engine, "bare_forward", lambda *inputs: {**outputs, "maps": maps})
    with pytest.raises(UnusableMap):
        engine.predict([Case(frames(engine, 1)[0])])


def test_no_evidence_is_drawn_as_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = engine.bare_forward(np.stack([frame[:, :64] for frame in frames(engine, 1)]))
    nothing = {**outputs, "maps": np.zeros_like(outputs["maps"])}
    monkeypatch.setattr(engine, "bare_forward", lambda *inputs: nothing)
    [found] = engine.predict([Case(frames(engine, 1)[0])])
    assert not found.saliency.any()
    assert found.melanoma_saliency is not None and not found.melanoma_saliency.any()


def test_a_lesion_is_measured_in_the_pixels_of_its_file(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the frame is that the network was given."""
    rows, columns = np.mgrid[:40, :40] / 40 + 1 / 80 - 0.5
    outline = ((np.hypot(rows, columns) < 0.3) * 255).astype(np.uint8)
    monkeypatch.setattr("inference.engine._bytes", lambda probability: outline)
    bare = Case(engine.prepare(encoded(lesion(1, (800, 800)))))
    scaled = replace(bare, size=(800, 800), pixel_spacing_mm=(0.01, 0.01))
    unknown, known = (found.measurements for found in engine.predict([bare, scaled]))
    assert unknown is not None
    assert known is not None
    assert unknown["diameter_mm"] is None
    assert known["diameter_mm"] == pytest.approx(0.6 * 800 * 0.01, rel=0.05)
    assert known["area_mm2"] == pytest.approx(np.pi * (0.3 * 8) ** 2, rel=0.05)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_prepare_keeps_the_whole_frame(engine: Engine, kind: str) -> None:
    prepared = engine.prepare(encoded(lesion(0, (600, 450)), kind))
    assert prepared.shape == (64, 84, 3)
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
        (Image.effect_noise((300, 300), 120).convert("RGB"), "not_skin"),
    ],
)
def test_a_declined_case_has_a_reason_and_figures(
    engine: Engine, image: Image.Image, code: str
) -> None:
    [found] = engine.predict([Case(engine.prepare(encoded(image)))])
    assert found.declined_code == code
    assert found.declined_reason is not None
    assert found.declined_reason.endswith(".")
    assert found.limited == []
    assert sum(found.probabilities.values()) == pytest.approx(1)


def test_what_is_unlike_the_training_images_is_declined(engine: Engine) -> None:
    [frame] = frames(engine, 1)
    [found] = engine.predict([Case(frame)])
    assert found.declined_code is None
    strict = {**engine.package.limits, "largest_distance": found.embedding_distance - 0.01}
    other = Engine(
        replace(engine.package, limits=strict),
        engine._likeness,
        engine._forwards,
        engine.runtime,
    )
    assert other.predict([Case(frame)])[0].declined_code == "unlike"


def test_bare_forward_is_the_batch_and_nothing_else(engine: Engine) -> None:
    batch = np.zeros((LARGEST, 64, 64, 3), np.uint8)
    shapes = {name: rows.shape for name, rows in engine.bare_forward(batch).items()}
    assert shapes == {
        "logits": (LARGEST, 7),
        "image_only": (LARGEST, 7),
        "maps": (LARGEST, 2, 2, 7),
        "embedding": (LARGEST, 1280),
        "mask": (LARGEST, 16, 16),
    }
    with pytest.raises(KeyError):
        engine.bare_forward(batch[:3])


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    weights = packages.described(tmp_path).folder / package.WEIGHTS
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(PackageRefused):
        Engine.load(tmp_path)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [({"members": 3}, "member2/"), ({"members": 1}, "member1"), ({"mask": False}, "mask")],
)
def test_weights_of_another_network_are_refused(
    folder: Path, tmp_path: Path, manifest: dict[str, int], reason: str
) -> None:
    served = package.read(folder)
    changed = {**served.manifest, **manifest}
    package.write(tmp_path, changed, served.arrays(), served.card, training_ids=["a"])
    with pytest.raises(PackageRefused, match=f"do not fit: .*{reason}"):
        Engine.load(tmp_path, batch_sizes=(1,))
