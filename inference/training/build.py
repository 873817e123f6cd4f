"""The whole way from a folder of images to a model package: split, fit, calibrate, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference import package
from inference.engine import Engine
from inference.evaluation import labels, report, run
from inference.network import limits, metadata, posterior
from inference.network.classes import CLASSES, KEYS
from inference.network.preprocess import square

from . import calibrate, card, datasets
from .config import Config
from .datasets import Example, Frames
from .fit import Draws, drawn_prior, fit


@dataclass(frozen=True)
class Sources:
    """HAM10000, decoded: `fine` holds finer copies of some images, or nothing."""

    examples: list[Example]
    coarse: Frames
    fine: Frames


def open_sources(data: Path, cache: Path) -> Sources:
    """Read the table of `data` and decode its images once into `cache`. Raises DataUnusable."""
    examples = datasets.read_ham10000(data / datasets.TABLE)
    ids = [row.image_id for row in examples]
    coarse = datasets.decode_folder(data / "images", cache / "images.npy", ids)
    if missing := [image_id for image_id in ids if image_id not in coarse]:
        raise datasets.DataUnusable(
            f"{data / 'images'} lacks {len(missing)} of {len(ids)} images, {missing[0]}.jpg first."
        )
    if absent := set(range(len(KEYS))) - {row.label for row in examples}:
        raise datasets.DataUnusable(f"No image of class {KEYS[min(absent)]} is listed.")
    fine = datasets.Frames([], np.empty((0, 0, 0, 3), np.uint8))
    if (data / "images_224").is_dir():
        fine = datasets.decode_folder(data / "images_224", cache / "images_224.npy", ids)
    return Sources(examples, coarse, fine)


def split(examples: Sequence[Example], config: Config) -> dict[str, list[Example]]:
    """The configured parts: train, calibrate, report. No lesion is in two of them."""
    shares = {"calibrate": config.data.calibrate, "report": config.data.report}
    return datasets.split(examples, seed=config.seed, shares=shares)


def encoder_weights(data: Path, config: Config) -> Path:
    """The folder of ImageNet weights. Raises DataUnusable."""
    named = config.network.encoder_weights
    folder = Path(named) if named else data.parent / "weights" / "mobilenetv2_imagenet"
    if not folder.is_dir():
        raise datasets.DataUnusable(f"{folder} is missing: training starts from ImageNet weights.")
    return folder


def train(data: Path, config: Config, out: Path, work: Path) -> package.Package:
    """Train, or go on from what `work` holds, and write the package to `out`."""
    weights = encoder_weights(data, config)
    sources = open_sources(data, work / "cache")
    parts = split(sources.examples, config)
    draws = Draws(parts["train"], sources.coarse, sources.fine, config)
    for name in ("calibrate", "report"):
        datasets.write_table(data / datasets.TABLE, work / f"{name}.csv", parts[name])
    network = fit(draws, config, weights, work / "run")
    write(network, sources, config, out)
    return record_figures(out, data / "images", work / "report.csv")


def record_figures(out: Path, images: Path, table: Path) -> package.Package:
    """Run the written package on its report part and put the figures in manifest and card."""
    engine = Engine.load(out)
    judged = run.judge(engine, labels.read(table), images)
    figures = report.figures(
        engine.package, judged.rows, judged.findings, ms_per_image=judged.ms_per_image
    )
    manifest = engine.package.manifest
    metrics = {
        "n": figures["n"],
        "balanced_accuracy": figures["balanced_accuracy"],
        "malignant_auc": figures["malignant_auc"],
        "malignant_auc_95": figures["intervals"]["malignant_auc"],
        "ece": figures["ece"],
        "per_class": figures["per_class"],
    }
    return package.describe(out, {**manifest, "metrics": metrics}, card.draft(manifest, figures))


def write(network: keras.Model, sources: Sources, config: Config, out: Path) -> package.Package:
    """Calibrate a trained network and write its package; `record_figures` completes it."""
    parts = split(sources.examples, config)
    truth = np.array([row.label for row in parts["train"]])
    shares = np.bincount(truth, datasets.lesion_weights(parts["train"]), len(KEYS))
    prior, drawn = shares / shares.sum(), drawn_prior(truth, config.fit.prior_power)
    likeness = _likeness(network, parts["train"], sources, config.network.size)
    part = held_out(network, parts["calibrate"], sources.coarse, config.network.size)
    temperature = calibrate.temperature(part, drawn_prior=drawn, prior=prior)
    probability = posterior.probabilities(
        part.logits, temperature=temperature, drawn_prior=drawn, prior=prior
    )
    ill = np.array([row.malignant for row in CLASSES])
    manifest: dict[str, Any] = {
        "name": config.name,
        "version": config.version,
        "task": "seven-class diagnosis of a skin lesion",
        "modality": "dermoscopy",
        "intended_use": card.INTENDED_USE,
        "terms": card.TERMS,
        "temperature": temperature,
        "prior": dict(zip(KEYS, prior.tolist(), strict=True)),
        "drawn_prior": dict(zip(KEYS, drawn.tolist(), strict=True)),
        "classes": [asdict(row) for row in CLASSES],
        "input": {"size": config.network.size, "channels": "RGB, 0-255", "fit": "centre square"},
        "metadata": {
            "fields": list(metadata.FIELDS),
            "sex": list(metadata.SEXES),
            "site": list(metadata.SITES),
            "age": "years",
        },
        "operating_points": [
            calibrate.operating_point(probability[:, ill].sum(axis=1), ill[part.labels], part)
        ],
        "sets": calibrate.set_limits(probability, prior, part),
        "limits": calibrate.abstention(part, likeness),
        "data": {
            "source": "HAM10000 (Tschandl, Rosendahl, Kittler 2018)",
            "terms": "CC BY-NC 4.0",
            "seed": config.seed,
            **{f"{name}_images": len(rows) for name, rows in parts.items()},
            **{
                f"{name}_lesions": len({row.lesion_id for row in rows})
                for name, rows in parts.items()
            },
            **{f"{name}_sha256": datasets.fingerprint(rows) for name, rows in parts.items()},
        },
    }
    arrays = {variable.path: np.asarray(variable) for variable in network.variables}
    return package.write(out, manifest, {**arrays, **likeness.arrays()}, card.draft(manifest))


def held_out(
    network: keras.Model, examples: Sequence[Example], frames: Frames, size: int
) -> calibrate.HeldOut:
    """The network's outputs on a part, with what is known of each image."""
    squares = [square(frames[row.image_id], size) for row in examples]
    logits, embedding = _outputs(network, squares, examples)
    return calibrate.HeldOut(
        logits=logits,
        embedding=embedding,
        labels=np.array([row.label for row in examples]),
        lesions=np.array([row.lesion_id for row in examples]),
        weights=datasets.lesion_weights(examples),
        quality=[limits.measure(pixels) for pixels in squares],
    )


def _likeness(
    network: keras.Model, examples: Sequence[Example], sources: Sources, size: int
) -> limits.Likeness:
    # Both resolutions are familiar to the network, so both must be to the limit.
    fine = [row for row in examples if row.image_id in sources.fine]
    squares = [square(sources.coarse[row.image_id], size) for row in examples]
    squares += [square(sources.fine[row.image_id], size) for row in fine]
    both = [*examples, *fine]
    _, embedding = _outputs(network, squares, both)
    truth = np.array([row.label for row in both])
    return limits.fit_likeness(embedding, truth, len(KEYS))


def _outputs(
    network: keras.Model,
    squares: Sequence[NDArray[np.uint8]],
    examples: Sequence[Example],
    batch: int = 64,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    known = metadata.encode([row.metadata for row in examples])
    logits, embedding = [], []
    for start in tqdm(range(0, len(squares), batch), desc="calibrate", unit="batch"):
        rows = slice(start, start + batch)
        images = np.stack(squares[rows]).astype(np.float32)
        outputs = network({"image": images, "metadata": known[rows]}, training=False)
        logits.append(np.asarray(outputs["logits"]))
        embedding.append(np.asarray(outputs["embedding"]))
    return np.concatenate(logits), np.concatenate(embedding)
