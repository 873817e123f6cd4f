"""Writes `card.md`: what a package is for, was made from, how well it does and where it fails.

After the CLEAR Derm guidelines (Daneshjou et al. 2022) and the FDA's and MHRA's principles of
transparency for machine learning in medical devices (2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inference.network.metadata import Metadata

from . import card_figures
from .card_figures import table

MONITORING = """\
The registry of models keeps each version, its figures, and who activated it and when. A new version
can run in the shadow of the active one; both are compared there with what doctors recorded. Compare
before activating, and again whenever cameras, light or patients change. Roll back at once when the
figures of a clinic's own cases fall behind those above."""

NOT_MEASURED = """\
- **Skin types** were not recorded, so no figure by skin type exists. Image lightness stands in for
  it above, and is a poor stand-in.
- **Effect on doctors and patients.** What the opinion changes in diagnosis, excisions or outcome
  has not been studied.
- **Other clinics.** Every figure above comes from the same collection as the training images."""


def draft(manifest: Mapping[str, Any], figures: Mapping[str, Any] | None = None) -> str:
    """The card of a package; without `figures` (those of `evaluate`) it says that none exist.

    Reads of the manifest: name, version, title, modality, intended_use, intended, terms,
    limits_text, classes, members, symmetries, metadata, data (source, terms, grouping, images,
    groups, folds, seed), population (see `population`; may be missing) and operating_points. Of the
    figures also `out_of_fold`, those of `calibrate.cross_fitted`, where they are there.
    """
    unit = manifest["data"].get("grouping", "lesion")
    parts = [
        f"# {manifest['name']} {manifest['version']}",
        str(manifest.get("title", manifest["task"])) + ".",
        "## What it is for",
        manifest["intended_use"],
        _not_for(manifest),
        f"**Terms.** {manifest['terms']}",
        "## How it answers",
        _answers(manifest),
        "## Made from",
        _made_from(manifest),
        "## How it was measured",
        _protocol(manifest, unit),
        "## How well",
    ]
    if figures is None:
        parts.append("Not yet measured.")
    else:
        parts += card_figures.sections(figures, unit)
    parts += ["## Operating points", card_figures.operating_points(manifest, unit)]
    parts += ["## Where it fails", str(manifest.get("limits_text", "")).strip()]
    parts += ["## Not measured", NOT_MEASURED, "## In use", MONITORING]
    return "\n\n".join(part for part in parts if part) + "\n"


def population(
    keys: Sequence[str],
    labels: Sequence[int],
    groups: Sequence[str],
    known: Sequence[Metadata],
) -> dict[str, Any]:
    """The `population` table of a manifest: whom the images show, counted.

    One label, group (lesion or patient) and metadata an image. Ages are counted by image.
    """
    ages = np.array([row.age for row in known if row.age is not None], np.float64)
    rows = list(zip(labels, groups, strict=True))
    told: dict[str, Any] = {
        "images": len(rows),
        "groups": len(set(groups)),
        "classes": [
            f"{key}: {sum(label == number for label in labels)} images of "
            f"{len({group for label, group in rows if label == number})}"
            for number, key in enumerate(keys)
        ],
        "age_known": len(ages),
        "sex": _counted(row.sex for row in known),
        "site": _counted(row.site for row in known),
    }
    if len(ages):
        told["age_median"] = float(np.median(ages))
        told["age_middle_90"] = [float(age) for age in np.quantile(ages, (0.05, 0.95))]
        told["under_40"] = int((ages < 40).sum())
        told["under_18"] = int((ages < 18).sum())
    return told


def _counted(words: Any) -> list[str]:
    counts = Counter(word or "unknown" for word in words)
    return [f"{word}: {count}" for word, count in counts.most_common()]


def _not_for(manifest: Mapping[str, Any]) -> str:
    rules = manifest.get("intended", {})
    lines = []
    if "min_age" in rules:
        lines.append(f"people under {rules['min_age']} years")
    if sites := rules.get("excluded_sites"):
        lines.append(f"lesions of these sites: {', '.join(sites)}")
    lines.append(f"images other than {manifest['modality']}")
    return (
        f"**Not for** {'; '.join(lines)}. Where the program knows of it, it withholds the opinion "
        "or marks it as limited, with the reason."
    )


def _answers(manifest: Mapping[str, Any]) -> str:
    ill = [row["display"] for row in manifest["classes"] if row["malignant"]]
    others = [row["display"] for row in manifest["classes"] if not row["malignant"]]
    members, symmetries = manifest.get("members", 1), manifest.get("symmetries", 1)
    fields = manifest["metadata"]["fields"]
    return (
        f"{members} {'network' if members == 1 else 'networks'} on one image, shown in "
        f"{symmetries} {'position' if symmetries == 1 else 'positions'}, with what is known of "
        f"{', '.join(fields)}; any of it may be missing. Classes counted as malignant: "
        f"{', '.join(ill)}. The others: {', '.join(others)}. The decision is the class that the "
        "image speaks for most, whatever its frequency; probabilities hold at the frequencies of "
        "the collection. Triage goes by the greater probability of malignancy of two answers, with "
        "and without the metadata, so that metadata cannot call an alarm off."
    )


def _made_from(manifest: Mapping[str, Any]) -> str:
    data = manifest["data"]
    counts = [data.get("images"), data.get("groups")]
    lines = [f"{data['source']}, {data['terms']}."]
    if all(counts):
        lines[0] += f" {counts[0]} images of {counts[1]} {data.get('grouping', 'lesion')}s."
    told = manifest.get("population")
    if told:
        rows = [
            ("classes", ", ".join(told["classes"])),
            ("age", _ages(told)),
            ("sex", ", ".join(told["sex"])),
            ("body site", ", ".join(told["site"])),
        ]
        lines.append(table(("of the images", ""), rows))
    lines.append("`training_ids.txt` lists every image that it learned from.")
    return "\n\n".join(lines)


def _ages(told: Mapping[str, Any]) -> str:
    if not told["age_known"]:
        return "unknown"
    low, high = told["age_middle_90"]
    return (
        f"known of {told['age_known']}: median {told['age_median']:.0f}, nine in ten between "
        f"{low:.0f} and {high:.0f}; under 40: {told['under_40']}, under 18: {told['under_18']}"
    )


def _protocol(manifest: Mapping[str, Any], unit: str) -> str:
    folds = manifest["data"].get("folds", 5)
    return (
        f"{folds} folds by {unit}, near-duplicates kept together, stratified by class, drawn with "
        f"seed {manifest['data'].get('seed', '–')}. {folds - 1} were developed on: each {unit} "
        "there was predicted by a network that had not seen it, and temperature, thresholds, sets "
        f"and limits were fitted on these predictions, every {unit} weighing one. The last fold "
        "was only predicted, once, through the engine that serves a clinic; its figures follow. "
        "The shipped members go on from development runs with a second schedule on all images, so "
        "no figure of theirs exists; they keep those fits."
    )
