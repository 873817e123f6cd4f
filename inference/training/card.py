"""Writes `card.md`: what a package is for, was made from, how well it did and where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INTENDED_USE = (
    "Research. A second opinion on dermoscopic images of single skin lesions of adults, for a "
    "doctor who has seen the patient. Not a medical device."
)
TERMS = (
    "Trained on HAM10000, CC BY-NC 4.0: for non-commercial research only. Image encoder started "
    "from ImageNet weights (Apache-2.0)."
)
LIMITS = """\
- **One collection.** Two centres, mostly fair skin. Elsewhere it does worse: expect less from
  other cameras, other light and darker skin, and measure it before relying on it.
- **No patient numbers.** HAM10000 has none. The parts share no lesion, but two lesions of one
  patient may lie on both sides, which flatters the figures by an unknown amount.
- **Age.** Few melanomas under 40 years and none under 18: do not use it for children.
- **Sites.** No melanoma is coded acral or genital: do not use it there.
- **Seven classes.** What is none of them still gets one. Squamous cell carcinoma beyond Bowen's
  disease is unknown to it, so are inflammatory diseases.
- **Rare classes.** Dermatofibroma and vascular lesions rest on a handful of report lesions; their
  intervals say so.
- **Diagnoses** were made by histology, follow-up, consensus or confocal microscopy; how is not
  used, since it leaks the answer.
- **Declining** catches unusable and unfamiliar images only. It is no proof that an accepted image
  is one that the network understands."""


def draft(manifest: Mapping[str, Any], figures: Mapping[str, Any] | None = None) -> str:
    """The card of a package; without `figures` (those of `evaluate`) it says that none exist."""
    data, point = manifest["data"], manifest["operating_points"][0]
    sections = [
        f"# {manifest['name']} {manifest['version']}",
        manifest["intended_use"],
        f"**Terms.** {manifest['terms']}",
        "## Made from",
        f"{data['source']}, about 90 % of it. Split by lesion, stratified by class, seed "
        f"{data['seed']}:",
        _table(
            ("part", "images", "lesions", "SHA-256 over the sorted image ids"),
            [
                (
                    name,
                    data[f"{name}_images"],
                    data[f"{name}_lesions"],
                    f"`{data[f'{name}_sha256'][:16]}…`",
                )
                for name in ("train", "calibrate", "report")
            ],
        ),
        "Temperature, operating point, prediction sets and limits of abstention were fitted on "
        "*calibrate*. Nothing was fitted or stopped on *report*; its figures are below.",
        "## How well",
        _figures(manifest, figures) if figures else "Not yet measured on the report part.",
        "## Operating point",
        f"“{point['name']}”: urgent when the probability of akiec, bcc and mel together is at "
        f"least {point['threshold']:.4f}. It is the highest threshold that finds "
        f"{point['target_sensitivity']:.0%} of the malignant calibration lesions "
        f"(found: {point['sensitivity']:.1%}, 95 % lower bound {point['sensitivity_low']:.1%}) and "
        f"leaves {point['specificity']:.1%} of the others routine.",
        "## Where it fails",
        LIMITS,
    ]
    return "\n\n".join(sections) + "\n"


def _figures(manifest: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    accuracy, ranges = figures["balanced_accuracy"], figures["intervals"]
    at_point = figures["malignant_at_operating_point"]
    overall = [
        (
            "balanced accuracy",
            _value(accuracy["value"]),
            _range((accuracy["low"], accuracy["high"])),
        ),
        (
            "malignant or premalignant, AUC",
            _value(figures["malignant_auc"]),
            _range(ranges["malignant_auc"]),
        ),
        (
            "sensitivity at the operating point",
            _value(at_point["sensitivity"]),
            _range(ranges["operating_sensitivity"]),
        ),
        (
            "specificity at the operating point",
            _value(at_point["specificity"]),
            _range(ranges["operating_specificity"]),
        ),
        ("expected calibration error", _value(figures["ece"]), ""),
        (
            "truth in the 90 % set",
            _value(figures["coverage"]["90"]),
            f"{figures['mean_set_size']['90']:.2f} classes",
        ),
        (
            "truth in the 95 % set",
            _value(figures["coverage"]["95"]),
            f"{figures['mean_set_size']['95']:.2f} classes",
        ),
        ("declined", f"{figures['declined']} of {figures['n']}", ""),
    ]
    classes = [
        (
            key,
            row["n"],
            f"{_value(row['sensitivity'])} {_range(ranges[f'{key}_sensitivity'])}",
            _value(row["specificity"]),
            f"{_value(row['auc'])} {_range(ranges[f'{key}_auc'])}",
        )
        for key, row in figures["per_class"].items()
    ]
    groups = [
        (
            row["group"],
            row["value"],
            row["n"],
            row["malignant"],
            _value(row["balanced_accuracy"]),
            _value(row["malignant_auc"]),
        )
        for row in figures["subgroups"]
    ]
    return "\n\n".join(
        (
            f"{figures['n']} images of {manifest['data']['report_lesions']} lesions, single "
            "forward pass, with metadata; in brackets 95 % intervals, bootstrapped over lesions. "
            "The decision is the class with the largest p / prior.",
            _table(("figure", "value", "95 %"), overall),
            _table(("class", "images", "sensitivity", "specificity", "AUC"), classes),
            "Groups of at least 20 images (balanced accuracy over the classes that occur in one):",
            _table(
                ("group", "", "images", "malignant", "balanced accuracy", "malignant AUC"), groups
            ),
        )
    )


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(bounds: tuple[float, float] | None) -> str:
    return "" if bounds is None else f"({bounds[0]:.3f}–{bounds[1]:.3f})"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
