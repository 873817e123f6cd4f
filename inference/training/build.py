"""From trained runs to a model package: fits, test on the last fold, shipped members, card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from inference import package
from inference.engine import Engine
from inference.evaluation import labels, masks as mask_scores, report, run
from inference.network import mask, mobilenet
from inference.package import Package

from . import calibrate, card, datasets, folds, imbalance, masks, outputs, tables
from .study import Study


@dataclass(frozen=True)
class Kind:
    """One of the packages that a study gives: how many members answer, in how many symmetries."""

    name: str
    members: int
    symmetries: int


def kinds(study: Study) -> list[Kind]:
    """`standard` is the whole ensemble; `fast` one member and one look, for weak machines."""
    chosen = study.config.members
    return [
        Kind("standard", chosen.count, chosen.symmetries),
        *([Kind("fast", 1, 1)] if chosen.fast else []),
    ]


def build(study: Study, kind: Kind, out: Path) -> Package:
    """Fit on the developed folds, test on the last one, and write the shipped package to `out`.

    The runs must be there. The tested package, whose members saw nothing of the last fold, stays in
    the working folder; its figures are the shipped one's card.
    """
    part = outputs.out_of_fold(study, kind.symmetries)
    prior, drawn = _priors(study)
    targets = dict(study.task.targets)
    told: dict[str, Any] = {
        "prior": prior,
        "drawn_prior": drawn,
        "classes": study.task.classes,
        "targets": targets,
    }
    fitted = calibrate.fit(part, **told)
    developed = np.flatnonzero(study.fold != folds.TEST_FOLD)
    crossed = calibrate.cross_fitted(
        part, **told, known=[study.examples[row].metadata for row in _pooled(study)]
    )
    tested = _write(
        study,
        kind,
        study.developments[: kind.members],
        developed,
        fitted,
        study.work / f"tested-{kind.name}",
    )
    figures = test(study, tested)
    shipped = _write(
        study, kind, study.members[: kind.members], np.arange(len(study.examples)), fitted, out
    )
    figures["out_of_fold"] = crossed
    out.joinpath(package.METRICS).write_text(json.dumps(figures, indent=1) + "\n")
    manifest = {**shipped.manifest, "metrics": _headline(figures)}
    return package.describe(out, manifest, card.draft(manifest, figures))


def test(study: Study, tested: Package) -> dict[str, Any]:
    """The figures of a package on the fold that nothing was fitted on, through the engine."""
    table = study.work / "test.csv"
    rows = np.flatnonzero(study.fold == folds.TEST_FOLD)
    ids = [study.examples[row].image_id for row in rows]
    tables.write_table(study.data, study.task, table, ids)
    engine = Engine.load(tested.folder, threads=2)
    judged = run.judge(
        engine,
        labels.read(table, study.task),
        study.data / "images",
        keep_masks=study.masks is not None,
    )
    figures = report.figures(
        engine.package, judged.rows, judged.findings, ms_per_image=judged.ms_per_image
    )
    if study.masks is not None:
        lesions = {row.image: row.unit for row in judged.rows}
        outlined = mask_scores.score(judged.masks, study.masks, lesions=lesions)
        for name in ("dice", "jaccard"):
            figures[name] = outlined[name]["value"]
            figures["intervals"][name] = [outlined[name]["low"], outlined[name]["high"]]
    return figures


def _pooled(study: Study) -> NDArray[np.int64]:
    return np.concatenate(
        [np.flatnonzero(study.fold == number) for number in range(folds.TEST_FOLD)]
    )


def _priors(study: Study) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often lesions of each class occur, and what the runs took for granted."""
    weights = datasets.lesion_weights(study.examples)
    classes = len(study.task.keys)
    shares = np.bincount(study.labels, weights, classes)
    plan = imbalance.plan(study.labels, classes, study.config.fit)
    return shares / shares.sum(), plan.prior


def _write(
    study: Study,
    kind: Kind,
    runs: Sequence[str],
    rows: NDArray[np.int64],
    fitted: Mapping[str, Any],
    folder: Path,
) -> Package:
    together = outputs.served(study, runs, kind.symmetries)
    likeness = outputs.fit_likeness(study, together, rows)
    arrays = {**together.arrays(), **likeness.arrays()}
    if study.masks is not None:
        decoder = mask_decoder(study)
        arrays |= {f"mask/{weight.path}": np.asarray(weight) for weight in decoder.weights}
    manifest = _manifest(study, kind, len(runs), rows, fitted)
    ids = [study.examples[row].image_id for row in rows]
    return package.write(folder, manifest, arrays, card.draft(manifest), training_ids=ids)


def mask_decoder(study: Study) -> keras.Model:
    """The decoder of lesion masks, fitted once on the developed folds.

    It is small and its data are many: the last fold would add little, and so the shipped outline
    is the tested one.
    """
    assert study.masks is not None
    size, kept = study.config.network.size, study.work / "mask-developed.npz"
    model = mask.decoder(size // mask.REDUCTION)
    if not kept.is_file():
        settings = masks.MaskFit(size=size, seed=study.config.seed)
        stem = mobilenet.stem(size)
        mobilenet.load_imagenet(stem, study.weights)
        rows = np.flatnonzero(study.fold != folds.TEST_FOLD)
        drawn = masks.make_views(
            stem,
            study.coarse,
            study.masks,
            [study.examples[row].image_id for row in rows],
            study.config.augment,
            settings,
            study.work / "cache" / "mask-views.npy",
        )
        fitted = masks.fit(drawn, settings)
        weights = {weight.path: np.asarray(weight) for weight in fitted.weights}
        np.savez(kept, allow_pickle=False, **weights)
    with np.load(kept) as saved:
        for weight in model.weights:
            weight.assign(saved[weight.path])
    return model


def _manifest(
    study: Study, kind: Kind, members: int, rows: NDArray[np.int64], fitted: Mapping[str, Any]
) -> dict[str, Any]:
    task, config = study.task, study.config
    prior, drawn = _priors(study)
    chosen = [study.examples[row] for row in rows]
    return {
        "name": f"{config.name}-{kind.name}" if config.members.fast else config.name,
        "version": config.version,
        "task": task.name,
        "title": task.title,
        "modality": task.modality,
        "intended_use": task.intended_use,
        "terms": task.terms,
        "limits_text": task.limits_text,
        "members": members,
        "symmetries": kind.symmetries,
        "mask": study.masks is not None,
        "temperature": fitted["temperature"],
        "intended": dict(task.intended),
        "network": {"stem_blocks": config.network.stem_blocks, "fusion": config.network.fusion},
        "prior": dict(zip(task.keys, prior.tolist(), strict=True)),
        "drawn_prior": dict(zip(task.keys, drawn.tolist(), strict=True)),
        "classes": [asdict(row) for row in task.classes],
        "input": {"size": config.network.size, "channels": "RGB, 0-255", "fit": "centre square"},
        "metadata": {**task.fields.manifest(), "synonyms": dict(task.synonyms)},
        "operating_points": fitted["operating_points"],
        "operating_curve": fitted["operating_curve"],
        "sets": fitted["sets"],
        "limits": fitted["limits"],
        "population": card.population(
            task.keys,
            study.labels[rows].tolist(),
            [row.lesion_id for row in chosen],
            [row.metadata for row in chosen],
        ),
        "data": {
            "source": task.source,
            "terms": task.data_terms,
            "grouping": task.grouping,
            "seed": config.seed,
            "images": len(chosen),
            "groups": len({row.lesion_id for row in chosen}),
            "folds": folds.FOLDS,
            "folds_sha256": folds.fingerprint(study.examples, study.fold),
        },
    }


def _headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    names = ("n", "balanced_accuracy", "malignant_auc", "ece", "per_class", "intervals")
    return {name: figures[name] for name in names if name in figures}
