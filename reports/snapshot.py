"""An opinion as it is frozen with a report: as the doctor saw it when assessing the lesion."""

import hashlib
from dataclasses import asdict
from typing import Any

from inference.lens import Lens, Line, Shown
from inference.models import Prediction
from inference.templatetags.limits import limited_words
from reports import diagnoses, opinions
from reports.models import Assessment


def opinion(assessment: Assessment, lens: Lens) -> dict[str, Any] | None:
    """Plain JSON of the opinion that an assessment was compared with; None without one.

    Shares hold at the prevalence that the clinic had declared by then; what is stored stands beside
    them. `lens` may be any of the clinic's: its models are read, its prevalence is not.
    """
    if assessment.opinion is None:
        return None
    prediction: Prediction = assessment.opinion
    then = lens.at(assessment.recorded_at)
    shown = opinions.read(prediction, lens=then)
    result: dict[str, Any] = prediction.result or {}
    model = prediction.model_version
    read_at = prediction.finished_at
    saliency = bytes(prediction.saliency) if prediction.saliency else b""
    return {
        "prediction": str(prediction.pk),
        "image": str(prediction.instance_id),
        "read_at": read_at.isoformat() if read_at else None,
        "differential": [_line(line) for line in shown.lines],
        "malignant_probability": shown.malignant,
        "prevalence": _prevalence(shown),
        "triage": prediction.triage,
        "triage_score": shown.score,
        "threshold": shown.threshold,
        "operating_point": _point(shown),
        "operating_points": shown.points,
        "prediction_set": [diagnoses.display(line.code) for line in shown.lines if line.in_90],
        "prediction_set_95": [
            diagnoses.display(line.code) for line in shown.lines if line.in_90 or line.in_95
        ],
        "limited": limited_words(prediction),
        "metadata_used": result.get("metadata_used", {}),
        "saliency_of": diagnoses.display(shown.first_as_trained.code),
        "saliency_sha256": hashlib.sha256(saliency).hexdigest() if saliency else None,
        "model": {
            "name": model.name,
            "version": model.version,
            "sha256": model.sha256,
            "intended_use": model.manifest.get("intended_use", ""),
        },
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "code": line.code,
        "display": diagnoses.display(line.code),
        "probability": line.probability,
        "as_trained": line.as_trained,
        "image_only": line.image_only,
    }


def _prevalence(shown: Shown) -> dict[str, Any]:
    """Which prevalence the shares hold at: the `declared` one, or else as `trained`."""
    return {
        "declared": shown.declared,
        "declared_at": shown.declared_at.isoformat() if shown.declared_at else None,
        "trained": shown.trained,
        "malignant_as_trained": shown.malignant_as_trained,
        "values": asdict(shown.values) if shown.values else None,
    }


def _point(shown: Shown) -> dict[str, Any] | None:
    """The operating point that decided, with the name of its class."""
    names = {line.key: diagnoses.display(line.code) for line in shown.lines}
    name = shown.point.get("name", "")
    return {**shown.point, "display": names.get(name, name)} if shown.point else None
