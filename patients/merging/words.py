"""What moves, in words. The tables come from the models; a new one has its own name at least."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import ngettext_lazy

from patients.merging.sql import STAYS
from patients.models import Patient

_COUNTED = {
    "patients.consent": ngettext_lazy("%d answer about consent", "%d answers about consent"),
    "patients.lesion": ngettext_lazy("%d lesion", "%d lesions"),
    "imaging.study": ngettext_lazy("%d visit", "%d visits"),
    "imaging.instance": ngettext_lazy("%d image", "%d images"),
    "imaging.rejection": ngettext_lazy("%d refused file", "%d refused files"),
    "imaging.quarantine": ngettext_lazy("%d held image", "%d held images"),
    "imaging.upload": ngettext_lazy("%d file that was being sent", "%d files that were being sent"),
    "reports.assessment": ngettext_lazy("%d assessment", "%d assessments"),
    "reports.secondreading": ngettext_lazy("%d second reading", "%d second readings"),
    "reports.consensusproposal": ngettext_lazy(
        "%d proposal for a consensus", "%d proposals for a consensus"
    ),
    "reports.consensus": ngettext_lazy("%d consensus", "%d consensuses"),
    "reports.histology": ngettext_lazy("%d histology result", "%d histology results"),
    "reports.report": ngettext_lazy("%d report", "%d reports"),
}


def models() -> dict[str, Any]:
    """The models whose rows move, by table: those with a `patient`, but STAYS."""
    return {
        model._meta.db_table: model
        for model in apps.get_models()
        if model._meta.db_table not in STAYS
        and any(
            field.column == "patient_id" and field.related_model is Patient
            for field in model._meta.concrete_fields
        )
    }


def counted(rows: Mapping[str, int]) -> list[str]:
    """ "3 visits", "12 images": numbers of rows by table, in the order of the floors."""
    return [_words(model, rows[table]) for table, model in models().items() if rows.get(table)]


def _words(model: type[Model], number: int) -> str:
    known = _COUNTED.get(model._meta.label_lower)
    if known is not None:
        return str(known % number)
    return f"{number} {capfirst(str(model._meta.verbose_name_plural))}"


def numbers(rows: Mapping[str, Sequence[Any]]) -> dict[str, int]:
    """How many rows there are of each table."""
    return {table: len(ids) for table, ids in rows.items()}
