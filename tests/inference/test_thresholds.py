"""From which score on it is urgent: the model's points, moved along its curve by a clinic."""

from typing import Any

import pytest

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.tenancy import clinic_context
from inference.models import ModelVersion, Prediction, Status
from inference.services import cases, queue, record, thresholds
from tests import opinions
from tests.database import acting_as
from tests.opinions import as_worker


def row(key: str, target: float, threshold: float, found: float, spared: float) -> dict[str, Any]:
    return {
        "class": key, "target": target, "threshold": threshold, "sensitivity": found,
        "sensitivity_low": target, "specificity": spared,
    }  # fmt: skip


def point(key: str, target: float, threshold: float, found: float, spared: float) -> dict[str, Any]:
    shared = row(key, target, threshold, found, spared)
    del shared["class"], shared["target"]
    return shared | {"name": key, "target_sensitivity": target, "lesions": 100}


MANIFEST: dict[str, Any] = {
    "modality": "dermoscopy",
    "prior": {"mel": 0.1, "bcc": 0.06, "akiec": 0.04, "nv": 0.8},
    "classes": [
        {"key": key, "code": key, "display": key, "malignant": key != "nv"}
        for key in ("mel", "bcc", "akiec", "nv")
    ],
    "operating_points": [
        point("mel", 0.9, 0.12, 0.95, 0.8),
        point("bcc", 0.85, 0.3, 0.9, 0.9),
        point("akiec", 0.85, 0.2, 0.88, 0.85),
    ],
    "operating_curve": [
        row("mel", 0.8, 0.25, 0.86, 0.88),
        row("mel", 0.9, 0.12, 0.95, 0.8),
        row("mel", 0.95, 0.05, 0.98, 0.6),
        row("bcc", 0.85, 0.3, 0.9, 0.9),
    ],
}


def names(points: list[dict[str, Any]]) -> dict[str, float]:
    return {each["name"]: each["threshold"] for each in points}


def test_the_least_threshold_decides() -> None:
    points = thresholds.points(MANIFEST, {})
    assert points == MANIFEST["operating_points"]
    assert thresholds.binding(points)["name"] == "mel"


def test_a_target_moves_along_the_curve() -> None:
    points = thresholds.points(MANIFEST, {"mel": 0.95})
    assert names(points) == {"mel": 0.05, "bcc": 0.3, "akiec": 0.2}
    assert points[0]["set_by"] == "clinic"
    assert points[0]["specificity"] == 0.6
    assert "set_by" not in points[1]


def test_a_lower_target_lets_another_class_decide() -> None:
    points = thresholds.points(MANIFEST, {"mel": 0.8})
    assert thresholds.binding(points)["name"] == "akiec"


def test_between_two_steps_the_safer_one() -> None:
    assert thresholds.points(MANIFEST, {"mel": 0.92})[0]["threshold"] == 0.05


def test_what_the_model_cannot_promise_is_said_and_comes_closest() -> None:
    mel = thresholds.points(MANIFEST, {"mel": 0.99})[0]
    assert (mel["threshold"], mel["target_sensitivity"], mel["wanted"]) == (0.05, 0.95, 0.99)


def test_a_class_without_curve_stays_as_it_came() -> None:
    assert thresholds.points(MANIFEST, {"akiec": 0.95}) == MANIFEST["operating_points"]


def test_what_a_threshold_promises_of_all_malignant_lesions() -> None:
    held = thresholds.promise(MANIFEST, 0.12)
    assert held is not None
    assert held.sensitivity == pytest.approx((0.1 * 0.95 + 0.06 * 0.9 + 0.04 * 0.88) / 0.2)
    assert held.specificity == 0.8
    lower = thresholds.promise(MANIFEST, 0.05)
    assert lower is not None and lower.sensitivity > held.sensitivity


def test_one_point_for_everything_malignant() -> None:
    only = {"operating_points": [point("malignancy", 0.9, 0.1, 0.9, 0.78)], "prior": {"mel": 0.2}}
    held = thresholds.promise(only, 0.1)
    assert held == thresholds.Promise(0.9, 0.78)
    assert thresholds.promise(only, 0.5) is None, "nothing is known so far up"


@pytest.fixture
def waiting(technician: Any) -> Prediction:
    """An opinion that a worker is about to record."""
    with acting_as("owner"):
        ModelVersion.objects.create(
            name="m", version="1", sha256="1" * 64, manifest=MANIFEST, active=True
        )
    opinions.admit(technician)
    [found] = opinions.predictions(technician)
    return found


def judged(actor: Any, waiting: Prediction, score: float | None) -> Any:
    with clinic_context(actor.clinic_id), acting_as("worker"):
        return thresholds.judged({waiting.pk: {"triage_score": score}}).get(waiting.pk)


def settle(actor: Any, target: float, modality: str = "dermoscopy") -> None:
    clinic_settings.change(
        actor=actor, number=0, prevalence=None, targets={modality: {"mel": target}}
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("score", "triage"), [(0.05, "urgent"), (0.0499, "routine")])
def test_a_clinics_own_threshold_judges(
    administrator: Any, waiting: Prediction, score: float, triage: str
) -> None:
    settle(administrator, 0.95)
    found = judged(administrator, waiting, score)
    assert found.triage == triage
    assert found.point["threshold"] == 0.05
    assert [each["name"] for each in found.points] == ["mel", "bcc", "akiec"]
    with clinic_context(administrator.clinic_id):
        assert thresholds.threshold_for(MANIFEST) == 0.05


@pytest.mark.django_db
def test_others_are_judged_as_the_model_came(
    administrator: Any, stranger: Any, waiting: Prediction
) -> None:
    assert judged(administrator, waiting, 0.06) is None, "nothing is set"
    settle(administrator, 0.95, modality="clinical")
    assert judged(administrator, waiting, 0.06) is None, "another kind of image"
    assert judged(administrator, waiting, None) is None, "a model without a score"
    with clinic_context(stranger.clinic_id):
        assert thresholds.threshold_for(MANIFEST) == 0.12


@pytest.mark.django_db
def test_what_is_recorded_is_judged_by_the_clinics_own_targets(
    administrator: Any, waiting: Prediction
) -> None:
    settle(administrator, 0.95)
    with as_worker():
        lease = queue.claim(model=waiting.model_version, limit=1)
        assert lease is not None
        [job] = cases.jobs(lease)
        said = {"triage_score": 0.06, "differential": [], "operating_points": []}
        found = record.Outcome(
            job, Status.READY, malignant_probability=0.06, triage="routine", result=said
        )
        assert record.record(token=lease.token, outcomes=[found]) == 1
    [kept] = opinions.predictions(administrator)
    assert (kept.status, kept.triage) == (Status.READY, "urgent")
    assert kept.result is not None
    assert kept.result["operating_point"]["threshold"] == 0.05
    assert kept.result["triage_score"] == 0.06
