"""The figures of a model package as a page shows them, each with its interval.

They come from the package (metrics.json, or the manifest's short form), so that a part may be
missing or of another shape: then it is None, and the page says "not measured".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from inference.models import ModelVersion

FEWEST = 20  # below so many events a share is not estimable

HEADLINES: list[tuple[str, StrOrPromise]] = [
    ("balanced_accuracy", _("Balanced accuracy")),
    ("malignant_auc", _("Malignant or premalignant, AUC")),
    ("ece", _("Calibration error (ECE)")),
    ("dice", _("Outline of the lesion, Dice")),
    ("jaccard", _("Outline of the lesion, Jaccard")),
]
CALIBRATION: list[tuple[str, StrOrPromise]] = [
    ("ece_debiased", _("Calibration error, debiased")),
    ("slope", _("Malignancy, calibration slope (ideal: 1)")),
    ("intercept", _("Malignancy, calibration intercept (ideal: 0)")),
]


@dataclass(frozen=True)
class Figure:
    """A number with its 95 % interval, where one was measured."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Headline:
    """A figure of the whole set; `digits` after the point."""

    name: StrOrPromise
    figure: Figure | None
    digits: int = 3


@dataclass(frozen=True)
class ClassRow:
    """How well one class is told from the others."""

    key: str
    display: str
    malignant: bool
    n: int | None
    sensitivity: Figure | None
    specificity: Figure | None
    auc: Figure | None


@dataclass(frozen=True)
class GroupRow:
    """A subgroup; what fewer than 20 lesions would have to tell is not estimable.

    `malignant` counts lesions. Each cell is a figure, None where it was not measured.
    """

    group: str
    value: str
    n: int | None
    malignant: int | None
    balanced_accuracy: Figure | None
    malignant_auc: Figure | None
    melanoma_sensitivity: Figure | None
    malignant_urgent: Figure | None
    not_estimable: frozenset[str]


def of(model: ModelVersion) -> dict[str, Any]:
    """The figures that were registered with a model, or else those of its manifest."""
    found = model.metrics if model.metrics is not None else model.manifest.get("metrics")
    return found if isinstance(found, dict) else {}


def headlines(figures: Mapping[str, Any]) -> list[Headline]:
    """The figures of the whole set that was measured on."""
    shown = [Headline(name, _named(figures, key)) for key, name in HEADLINES]
    calibration = _part(figures, "calibration")
    shown += [
        Headline(name, _named(calibration, key, figures, key))
        for key, name in CALIBRATION
        if key in calibration
    ]
    whole = _part(figures, "sets")
    sets = [
        Headline(
            name,
            _figure(_part(whole, key).get("coverage"))
            or _figure(_part(figures, "coverage").get(key)),
        )
        for key, name in (("90", _("Truth in the 90 % set")), ("95", _("Truth in the 95 % set")))
    ]
    sizes = [
        Headline(name, _figure(_part(figures, "mean_set_size").get(key)), digits=2)
        for key, name in (
            ("90", _("Classes in the 90 % set")),
            ("95", _("Classes in the 95 % set")),
        )
    ]
    speed = Headline(_("Milliseconds an image"), _figure(figures.get("ms_per_image")), digits=0)
    return [*shown, *sets, *sizes, speed]


def classes(figures: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[ClassRow]:
    """The classes in the manifest's order, with what was measured of each."""
    told = _part(figures, "per_class")
    rows = []
    for each in manifest.get("classes", []):
        key = each["key"]
        row = _part(told, key)
        rows.append(
            ClassRow(
                key=key,
                display=each["display"],
                malignant=bool(each["malignant"]),
                n=count(row.get("n")),
                sensitivity=_named(row, "sensitivity", figures, f"{key}_sensitivity"),
                specificity=_named(row, "specificity", figures, f"{key}_specificity"),
                auc=_named(row, "auc", figures, f"{key}_auc"),
            )
        )
    return rows


def groups(figures: Mapping[str, Any]) -> list[GroupRow]:
    """The subgroups that were measured."""
    told = figures.get("subgroups")
    rows = [row for row in (told if isinstance(told, list) else []) if isinstance(row, dict)]
    return [_group(row) for row in rows]


def _group(row: Mapping[str, Any]) -> GroupRow:
    malignant = count(row.get("malignant"))
    few = {"malignant_auc", "melanoma_sensitivity", "malignant_urgent"}
    why = frozenset(_part(row, "not_estimable")) or frozenset(
        few if (malignant or 0) < FEWEST else ()
    )
    return GroupRow(
        group=str(row.get("group", "")),
        value=str(row.get("value", "")),
        n=count(row.get("n")),
        malignant=malignant,
        balanced_accuracy=_named(row, "balanced_accuracy"),
        malignant_auc=_named(row, "malignant_auc"),
        melanoma_sensitivity=_named(row, "melanoma_sensitivity"),
        malignant_urgent=_named(row, "malignant_urgent"),
        not_estimable=why,
    )


def count(value: Any) -> int | None:
    """A whole number, or None for anything else."""
    return int(value) if _is_number(value) else None


def _named(
    holder: Mapping[str, Any],
    key: str,
    figures: Mapping[str, Any] | None = None,
    interval: str = "",
) -> Figure | None:
    """A figure by its name; its interval stands in it, in `intervals`, or beside it (`…_95`)."""
    whole = holder if figures is None else figures
    beside = _part(whole, "intervals").get(interval or key, holder.get(f"{key}_95"))
    return _figure(holder.get(key), beside)


def _figure(value: Any, interval: Any = None) -> Figure | None:
    if isinstance(value, dict):
        return _figure(value.get("value"), [value.get("low"), value.get("high")])
    if not _is_number(value):
        return None
    if isinstance(interval, list | tuple) and len(interval) == 2 and all(map(_is_number, interval)):
        return Figure(float(value), float(interval[0]), float(interval[1]))
    return Figure(float(value))


def _part(figures: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = figures.get(name)
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
