"""A report's content as it is frozen at signing: plain JSON, everything that the PDF prints.

Displays are in the language of the signing; the PDF reads nothing else, except the pictures.
"""

import hashlib
import json
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import Field
from django.utils import translation
from django.utils.translation import gettext as _

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Clinic
from imaging.models import Instance, Study
from inference.lens import Lens
from inference.services.cases import age_on
from patients.models import Lesion, Patient
from reports import diagnoses, snapshot, veil
from reports.models import Assessment, Report

# 2: opinions at the clinic's prevalence, with what the image alone says
# 3: what the doctor had recorded before seeing the opinion
SCHEMA = 3


def canonical(content: dict[str, Any]) -> bytes:
    """The bytes whose SHA-256 the report prints: keys sorted, no spaces, UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def sha256(content: dict[str, Any]) -> str:
    """The hash of the canonical form."""
    return hashlib.sha256(canonical(content)).hexdigest()


def said(content: dict[str, Any]) -> str:
    """The hash of what a doctor reads before signing: of whom, and what of each lesion."""
    return sha256({name: content[name] for name in ("patient", "lesions")})


def freeze(
    actor: Actor, report: Report, assessments: list[Assessment], signed_at: datetime
) -> dict[str, Any]:
    """The content of a report that is being signed; it has its number already.

    `assessments` come with lesion, author, opinion and its model.
    """
    clinic = Clinic.objects.get(pk=actor.clinic_id)
    lens = Lens.of()
    firsts = veil.first_impressions(assessments)
    seen = Instance.objects.in_bulk({pk for each in assessments for pk in each.images})
    return {
        "schema": SCHEMA,
        "language": translation.get_language() or "en",
        "clinic": {
            "id": str(clinic.pk),
            "name": clinic.name,
            "synthetic": clinic.synthetic,
        },
        "report": {
            "id": str(report.pk),
            "number": report.number,
            "version": report.version,
            "replaces": _replaced(report),
        },
        "patient": patient(report.patient, report.study),
        "visit": {
            "id": str(report.study_id),
            "date": report.study.acquired_at.date().isoformat(),
        },
        "lesions": [
            lesion(each, [seen[pk] for pk in each.images], lens, first=firsts.get(each.pk))
            for each in assessments
        ],
        "withdrawn": _withdrawn(report, assessments),
        "signed": {
            "by": actor.name,
            "user": str(actor.user.pk) if actor.user else None,
            "at": signed_at.isoformat(),
        },
    }


def _replaced(report: Report) -> dict[str, Any] | None:
    former = report.replaces
    if former is None or former.signed_at is None:
        return None
    return {
        "number": former.number,
        "version": former.version,
        "signed_at": former.signed_at.isoformat(),
        "content_sha256": former.content_sha256,
        "reason": former.amendment_reason,
    }


def _withdrawn(report: Report, assessments: list[Assessment]) -> list[str]:
    """Lesions that the replaced version spoke of, and this one no longer does."""
    if report.replaces is None:
        return []
    kept = {str(each.lesion_id) for each in assessments}
    former = report.replaces.content or {}
    return [
        _("Lesion %(number)s, %(site)s") % {"number": lesion["number"], "site": lesion["site"]}
        for lesion in former.get("lesions", [])
        if lesion["id"] not in kept
    ]


def patient(of: Patient, study: Study) -> dict[str, Any]:
    """Whom a report is about, as of the visit."""
    return {
        "id": str(of.pk),
        "mrn": of.mrn,
        "family_name": of.family_name,
        "given_name": of.given_name,
        "birth_date": of.birth_date.isoformat(),
        "sex": of.get_sex_display(),
        "age": age_on(study.acquired_at.date(), of.birth_date),
    }


def lesion(
    assessment: Assessment,
    images: list[Instance],
    lens: Lens,
    *,
    first: Assessment | None = None,
) -> dict[str, Any]:
    """What a report says of an assessed lesion, with the `images` that the doctor saw.

    `first` is what its author had recorded before seeing the opinion; see `veil`.
    """
    of: Lesion = assessment.lesion
    return {
        "id": str(of.pk),
        "number": of.number,
        "site": of.site,
        "site_code": of.site_code,
        "note": of.note,
        "images": [_image(each) for each in images],
        "assessment": _assessment(assessment, first),
        "opinion": snapshot.opinion(assessment, lens),
        "opinion_state": _in_words(assessment, "opinion_state"),
    }


def _image(instance: Instance) -> dict[str, Any]:
    source = instance.source
    return {
        "id": str(instance.pk),
        "sha256": instance.sha256,
        "width": instance.width,
        "height": instance.height,
        "format": instance.get_format_display(),
        "manufacturer": source.get("manufacturer") or "",
        "model": source.get("model_name") or "",
        "pixel_spacing_mm": source.get("pixel_spacing_mm"),
    }


def _assessment(assessment: Assessment, first: Assessment | None) -> dict[str, Any]:
    return {
        "id": str(assessment.pk),
        "version": assessment.version,
        "author": assessment.author.full_name,
        "recorded_at": assessment.recorded_at.isoformat(),
        "two_step": _in_words(assessment, "two_step"),
        "description": assessment.description,
        "algorithm": _in_words(assessment, "algorithm"),
        "agreement": _in_words(assessment, "agreement"),
        "reason": assessment.reason,
        "comment": assessment.comment,
        "blinded": assessment.blinded,
        "first_impression": _first_impression(assessment, first),
        **_judgement(assessment),
    }


def _first_impression(assessment: Assessment, first: Assessment | None) -> dict[str, Any] | None:
    if first is None:
        return None
    return {
        "version": first.version,
        "agreement": _in_words(first, "agreement"),
        "changed_mind": veil.changed_mind(assessment, first),
        **_judgement(first),
    }


def _judgement(assessment: Assessment) -> dict[str, Any]:
    return {
        "diagnoses": [
            {"code": code, "display": diagnoses.display(code)} for code in assessment.diagnoses
        ],
        "management": _in_words(assessment, "management"),
        "due": assessment.due.isoformat() if assessment.due else None,
    }


def _in_words(assessment: Assessment, name: str) -> str:
    """As `get_…_display`, which goes through all choices each time."""
    value = getattr(assessment, name)
    return str(_words(name).get(value, value))


@cache
def _words(name: str) -> dict[Any, Any]:
    """What a field's values are called, in no language yet."""
    field: Field[Any, Any] = Assessment._meta.get_field(name)  # type: ignore[assignment]
    return dict(field.flatchoices)
