"""The figures on a card: tables of what `evaluate` found, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def sections(figures: Mapping[str, Any], unit: str) -> list[str]:
    """The paragraphs and tables of the figures of `report.figures`; `unit` was resampled."""
    parts = [
        f"{figures['n']} images. In brackets 95 % intervals: bootstrapped over {unit}s, or exact "
        "(Clopper and Pearson) for shares. Every image counts, declined ones too.",
        _overall(figures),
        "### Classes",
        _classes(figures),
        "### Prediction sets",
        _sets(figures),
        "### Calibration",
        _calibration(figures),
        "### Groups",
        _groups(figures, unit),
    ]
    if crossed := figures.get("out_of_fold"):
        parts += ["### Out of fold", _out_of_fold(crossed)]
    return parts


def operating_points(manifest: Mapping[str, Any], unit: str) -> str:
    """The points of a manifest, and which of them decides."""
    points = manifest["operating_points"]
    binding = min(points, key=lambda row: row["threshold"])
    short = [row["name"] for row in points if row["sensitivity_low"] < row["target_sensitivity"]]
    text = (
        f"Each is the highest threshold whose sensitivity among the class's {unit}s is, with 90 % "
        "confidence, at least the target. Urgent is what reaches the least of them, that of "
        f"{binding['name']}: {binding['threshold']:.4f}."
    )
    if short:
        text += (
            f" For {', '.join(short)} too few {unit}s were there to promise the target: the point "
            "finds all of them, and promises no more than its lower bound."
        )
    rows = [
        (
            row["name"],
            f"{row['threshold']:.4f}",
            f"{row['target_sensitivity']:.0%}",
            f"{row['sensitivity']:.1%}",
            f"{row['sensitivity_low']:.1%}",
            f"{row['specificity']:.1%}",
            row.get("lesions", "–"),
        )
        for row in points
    ]
    head = ("class", "threshold", "target", "sensitivity", "lower bound", "specificity", f"{unit}s")
    return f"{text}\n\n{table(head, rows)}"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _overall(figures: Mapping[str, Any]) -> str:
    accepted, ranges = figures["accepted"], figures["intervals"]
    triage = figures["triage"]
    rows = [
        ("balanced accuracy", _of(figures["balanced_accuracy"]), _of(accepted["balanced_accuracy"]))
    ]
    rows.append(
        (
            "malignant, AUC",
            _value(figures["malignant_auc"], ranges.get("malignant_auc")),
            _value(accepted["malignant_auc"], accepted["intervals"].get("malignant_auc")),
        )
    )
    alone = figures["image_only"]
    rows += [
        (
            "malignant, AUC, metadata masked",
            _value(alone["malignant_auc"], alone["malignant_auc_95"]),
            "",
        ),
        (
            "malignant images sent as urgent",
            _value(triage["sensitivity"], ranges.get("operating_sensitivity")),
            "",
        ),
        (
            "other images left routine",
            _value(triage["specificity"], ranges.get("operating_specificity")),
            "",
        ),
        ("declined", f"{figures['declined']} of {figures['n']}", "0"),
    ]
    for name in ("dice", "jaccard"):
        if figures.get(name) is not None:
            shown = _value(figures[name], ranges.get(name))
            rows.append((f"outline of the lesion, {name.title()}", shown, ""))
    return table(("figure", "all images", f"{accepted['n']} accepted"), rows)


def _classes(figures: Mapping[str, Any]) -> str:
    ranges = figures["intervals"]
    rows = [
        (
            key,
            row["n"],
            row["lesions"],
            _value(row["sensitivity"], ranges.get(f"{key}_sensitivity")),
            _value(row["specificity"], ranges.get(f"{key}_specificity")),
            _value(row["auc"], ranges.get(f"{key}_auc")),
            _of(row["urgent"]),
            _of(row["declined"]),
        )
        for key, row in figures["per_class"].items()
    ]
    head = ("class", "images", "lesions", "called so", "specificity", "AUC", "urgent", "declined")
    return table(head, rows)


def _sets(figures: Mapping[str, Any]) -> str:
    rows: list[tuple[Any, ...]] = [
        ("all", *(_of(row["coverage"]) for row in figures["sets"].values()))
    ]
    rows += [
        (key, *(_of(row["per_class"][key]) for row in figures["sets"].values()))
        for key in figures["per_class"]
    ]
    rows.append(
        (
            "malignant, no malignant class in the set",
            *(_of(row["malignant_without_malignant"]) for row in figures["sets"].values()),
        )
    )
    rows.append(
        ("mean size", *(_number(figures["mean_set_size"].get(name)) for name in figures["sets"]))
    )
    head = ("truth in the set", *(f"{name} %" for name in figures["sets"]))
    return table(head, rows)


def _calibration(figures: Mapping[str, Any]) -> str:
    told = figures["calibration"]
    rows = [
        (f"calibration error, debiased, {told['bins']} bins", _of(told["ece_debiased"])),
        ("calibration error, plain", _of(told["ece"])),
        ("Brier score, all classes (0 to 2)", _of(told["brier"])),
        ("Brier score, malignancy", _of(told["malignant_brier"])),
        ("slope of malignancy (1 is ideal)", _of(told["slope"])),
        ("intercept of malignancy (0 is ideal)", _of(told["intercept"])),
    ]
    return table(("figure", "value"), rows)


def _groups(figures: Mapping[str, Any], unit: str) -> str:
    rows = [
        (
            row["group"],
            row["value"],
            row["n"],
            row["malignant"],
            row["melanoma"],
            *(
                _value(row[name], row[f"{name}_95"], missing="not estimable")
                for name in ("balanced_accuracy", "melanoma_urgent", "melanoma_sensitivity", "ece")
            ),
        )
        for row in figures["subgroups"]
    ]
    if not rows:
        return "No group is known of these images."
    head = (
        "group",
        "",
        "images",
        "malignant",
        "melanoma",
        "balanced accuracy",
        "melanoma urgent",
        "melanoma called so",
        "calibration error",
    )
    return (
        f"Malignant and melanoma count {unit}s; under 20 of them a figure is not estimable. "
        f"Balanced accuracy is over the classes with 20 {unit}s in the group."
        f"\n\n{table(head, rows)}"
    )


def _out_of_fold(crossed: Mapping[str, Any]) -> str:
    rows = [
        (
            row["fold"],
            row["n"],
            _of(row["balanced_accuracy"]),
            _number(row["malignant_auc"]),
            _number(row.get("melanoma_auc")),
            _number(row["coverage"]["90"]),
        )
        for row in crossed["folds"]
    ]
    pooled = crossed["pooled"]
    rows.append(
        (
            "all",
            sum(row["n"] for row in crossed["folds"]),
            _of(pooled["balanced_accuracy"]),
            _value(pooled["malignant_auc"], pooled["intervals"].get("malignant_auc")),
            _number((pooled["per_class"].get("mel") or {}).get("auc")),
            _of(pooled["sets"]["90"]["coverage"]) if "90" in pooled["sets"] else "–",
        )
    )
    young = next((row for row in pooled["subgroups"] if row["value"] == "under 40"), None)
    text = (
        "Single members on the folds that were developed on, each fold with the fits of the others."
    )
    if young is not None:
        shown = _value(young["melanoma_urgent"], young["melanoma_urgent_95"], missing="")
        text += f" Under 40 years: {young['melanoma']} melanomas, " + (
            f"{shown} of them urgent." if shown else "too few to tell."
        )
    head = ("fold", "images", "balanced accuracy", "malignant AUC", "melanoma AUC", "90 % set")
    return f"{text}\n\n{table(head, rows)}"


def _of(row: Mapping[str, Any] | None) -> str:
    if not row:
        return "–"
    bounds = (row["low"], row["high"]) if row["low"] is not None else None
    return _value(row["value"], bounds)


def _value(value: float | None, bounds: Sequence[float] | None, missing: str = "–") -> str:
    if value is None:
        return missing
    return f"{value:.3f}" + (f" ({bounds[0]:.3f}–{bounds[1]:.3f})" if bounds else "")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
