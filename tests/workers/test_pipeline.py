"""A batch's way through the worker, with a network that does what the test wants."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from django.utils import timezone

from dermaclinic.accounts.tenancy import acting_as, clinic_context
from imaging.vault import LocalVault, VaultCorrupt, VaultMissing
from inference.engine import Case, Finding
from inference.models import ModelVersion, Prediction
from inference.network.preprocess import UnreadableImage, decode
from inference.services import queue
from inference.services.requests import NO_CONSENT
from patients.models import Purpose
from patients.services import record_consents
from tests import factories, opinions
from tests.imaging import dicoms
from tests.opinions import as_worker
from workers import pipeline as pipelines
from workers.lease import Watchdog
from workers.pipeline import Pipeline

CLASSES = [
    SimpleNamespace(key="mel", code="93655004", display="Malignant melanoma of skin"),
    SimpleNamespace(key="nv", code="400010006", display="Melanocytic nevus of skin"),
]


def finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "probabilities": {"mel": 0.2, "nv": 0.8},
        "ranked": ["nv", "mel"],
        "malignant_probability": 0.2,
        "decision": "nv",
        "triage": "routine",
        "operating_point": {"name": "screening", "threshold": 0.3},
        "prediction_set": ["nv"],
        "declined_reason": None,
        "saliency": np.array([[0, 255], [128, 64]], np.uint8),
        "embedding_distance": 1.5,
        "metadata_used": {"age": 56.0},
        "prediction_sets": {"90": ["nv"]},
        "quality": {"contrast": 40.0},
        "image_only": {"mel": 0.35, "nv": 0.65},
        "triage_score": 0.35,
        "operating_points": [{"name": "mel", "threshold": 0.5}],
        "limited": ["hair"],
        "melanoma_saliency": np.array([[9, 8], [7, 6]], np.uint8),
        "mask": np.array([[0, 255, 0]], np.uint8),
        "measurements": {"area_share": 0.25},
        "embedding": np.array([0.6, -0.8], np.float16),
        "runtime": {"tensorflow": "2", "device": "a processor"},
    }
    return Finding(**fields | changes)


class Network:
    """Answers every case with `answer`, and remembers the sizes of its batches."""

    package = SimpleNamespace(classes=CLASSES)

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.seen: list[Case] = []
        self.answer: Callable[[Case], Finding] = lambda case: finding()

    def prepare(self, data: bytes) -> Any:
        return np.asarray(decode(data))

    def predict(self, cases: Sequence[Case]) -> list[Finding]:
        self.sizes.append(len(cases))
        self.seen += cases
        return [self.answer(case) for case in cases]


@pytest.fixture(autouse=True)
def _batches_of_sixteen(settings: Any) -> None:
    settings.INFERENCE_BATCH_SIZE = 16


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def model(db: None) -> ModelVersion:
    return opinions.model()


@pytest.fixture
def pipeline(model: ModelVersion, network: Network) -> Iterator[Pipeline]:
    with ThreadPoolExecutor(2) as readers:
        yield Pipeline(
            model,
            network,
            desk=opinions.AtOnce(),
            readers=readers,
            watchdog=Watchdog(),
            stopping=lambda: False,
        )


def run(pipeline: Pipeline) -> int:
    """Rounds until nothing is left; the number of batches."""
    count = 0
    with as_worker():
        while done := pipeline.run():
            count += done
    return count


def wait(actor: Any) -> None:
    """Let the time until the next attempt pass, and the sweep come."""
    over = timezone.now() - timedelta(seconds=1)
    with clinic_context(actor.clinic_id), acting_as("worker"):
        Prediction.objects.filter(status="running").update(lease_expires_at=over)
    with as_worker():
        queue.sweep()


def run_all_attempts(actor: Any, pipeline: Pipeline) -> None:
    """Rounds until no row waits for another attempt."""
    run(pipeline)
    while any(row.status == "running" for row in rows(actor)):
        wait(actor)
        run(pipeline)


def rows(actor: Any) -> list[Prediction]:
    return opinions.predictions(actor)


def test_a_backlog_runs_in_full_batches(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    opinions.admit_many(technician, 40)
    assert run(pipeline) == 3
    assert network.sizes == [16, 16, 8]
    assert {row.status for row in rows(technician)} == {"ready"}


def test_one_image_runs_at_once(technician: Any, pipeline: Pipeline, network: Network) -> None:
    opinions.admit(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert network.sizes == [1]
    assert row.result["differential"] == [
        {
            "key": "nv",
            "code": "400010006",
            "display": "Melanocytic nevus of skin",
            "probability": 0.8,
            "image_only": 0.65,
        },
        {
            "key": "mel",
            "code": "93655004",
            "display": "Malignant melanoma of skin",
            "probability": 0.2,
            "image_only": 0.35,
        },
    ]
    assert row.result["prediction_sets"] == {"90": ["nv"]}
    assert (row.malignant_probability, row.triage) == (0.2, "routine")
    assert (bytes(row.saliency), row.saliency_shape) == (bytes([0, 255, 128, 64]), [2, 2])


def test_everything_that_was_found_is_kept(technician: Any, pipeline: Pipeline) -> None:
    opinions.admit(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert row.result["triage_score"] == 0.35
    assert row.result["operating_points"] == [{"name": "mel", "threshold": 0.5}]
    # It is filed under no lesion, so the intended use has something to say as well.
    assert row.result["limited"] == ["hair", "site_unknown"]
    assert row.result["measurements"] == {"area_share": 0.25}
    assert row.result["runtime"] == {"tensorflow": "2", "device": "a processor"}
    assert bytes(row.melanoma_saliency) == bytes([9, 8, 7, 6])
    assert (bytes(row.mask), row.mask_shape) == (bytes([0, 255, 0]), [1, 3])
    assert np.frombuffer(row.embedding, np.float16).tolist() == pytest.approx([0.6, -0.8], abs=1e-3)


def test_a_package_without_masks_and_without_melanoma_leaves_them_empty(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    nothing = dict.fromkeys(("melanoma_saliency", "mask", "measurements", "embedding"))
    network.answer = lambda case: finding(**nothing)
    opinions.admit(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert row.status == "ready"
    assert "measurements" not in row.result
    assert (row.melanoma_saliency, row.mask, row.mask_shape, row.embedding) == (None,) * 4


def test_nothing_that_nobody_should_trust_is_kept_of_a_declined_image(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    network.answer = lambda case: finding(declined_reason="Too dark.", declined_code="too_dark")
    opinions.admit(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert (row.status, row.triage, row.malignant_probability) == ("declined", "", None)
    kept = {"quality", "embedding_distance", "metadata_used", "runtime", "declined_code"}
    assert set(row.result) == kept
    pictures = (row.saliency, row.melanoma_saliency, row.mask, row.mask_shape, row.embedding)
    assert pictures == (None,) * 5


def test_the_network_is_told_what_is_known(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    patient = factories.patient(technician, sex="male")
    lesion = factories.lesion(technician, patient)
    opinions.admit(technician, patient, lesion_id=lesion.pk)
    run(pipeline)
    (case,) = network.seen
    assert case.image.shape == (240, 320, 3)
    assert (case.metadata.sex, case.metadata.site) == ("male", "back")
    assert case.metadata.age is not None and case.metadata.age > 50


def test_the_scale_that_a_file_states_reaches_the_network(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    skin = np.random.default_rng(3).integers(90, 220, (48, 64, 3), np.uint8)
    nobody = dict.fromkeys(("PatientName", "PatientID", "PatientBirthDate", "PatientSex"), "")
    stated = dicoms.dicom(skin, PixelSpacing=["0.02", "0.03"], **nobody)
    opinions.admit(technician)
    opinions.admit(technician, data=stated)
    run(pipeline)
    told = {case.pixel_spacing_mm: case.size for case in network.seen}
    assert told == {None: (320, 240), (0.02, 0.03): (64, 48)}


def test_a_declined_image_keeps_no_figures(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    network.answer = lambda case: finding(declined_reason="Blurred.", declined_code="blurred")
    opinions.admit(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert (row.status, row.declined_reason) == ("declined", "Blurred.")
    assert row.malignant_probability is None and row.saliency is None
    assert set(row.result) == {
        "declined_code",
        "quality",
        "embedding_distance",
        "metadata_used",
        "runtime",
    }


def test_an_image_that_breaks_the_network_fails_alone(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    poison = opinions.admit(technician, data=opinions.picture(99, width=400))
    opinions.admit_many(technician, 5)

    def answer(case: Case) -> Finding:
        if case.image.shape[1] == 400:
            raise RuntimeError("poison")
        return finding()

    network.answer = answer
    run_all_attempts(technician, pipeline)
    by_image = {row.instance_id: row for row in rows(technician)}
    failed = by_image.pop(poison.pk)
    assert (failed.status, failed.attempts) == ("failed", 3)
    assert failed.error == "The network failed on this image (RuntimeError)."
    assert {(row.status, row.attempts) for row in by_image.values()} == {("ready", 1)}


@pytest.mark.parametrize(
    ("error", "attempts", "sentence"),
    [
        (UnreadableImage("x"), 1, "The stored image could not be decoded."),
        (VaultCorrupt("x"), 1, "The stored image is damaged."),
        (VaultMissing("x"), 3, "The stored image is missing."),
        (OSError("x"), 3, "The stored image could not be read (OSError)."),
    ],
)
def test_damage_is_for_good_and_a_bad_disk_is_tried_again(
    technician: Any, pipeline: Pipeline, error: Exception, attempts: int, sentence: str
) -> None:
    opinions.admit(technician)
    with mock.patch.object(LocalVault, "get", side_effect=error):
        run_all_attempts(technician, pipeline)
    (row,) = rows(technician)
    assert (row.status, row.attempts, row.error) == ("failed", attempts, sentence)


def test_a_vault_that_was_away_for_a_moment_costs_no_opinion(
    technician: Any, pipeline: Pipeline
) -> None:
    opinions.admit(technician)
    with mock.patch.object(LocalVault, "get", side_effect=VaultMissing("x")):
        assert run(pipeline) == 1
    wait(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert (row.status, row.attempts, row.error) == ("ready", 2, "")


def test_a_number_that_is_none_is_no_answer(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    network.answer = lambda case: finding(probabilities={"mel": math.nan, "nv": math.nan})
    opinions.admit(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert row.status == "failed" and "valid numbers" in row.error


def test_a_result_that_postgresql_refuses_fails_alone(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    odd = opinions.admit(technician, data=opinions.picture(99, width=400))
    opinions.admit_many(technician, 3)
    network.answer = lambda case: finding(
        malignant_probability=1.5 if case.image.shape[1] == 400 else 0.5
    )
    run(pipeline)
    by_image = {row.instance_id: row for row in rows(technician)}
    refused = by_image.pop(odd.pk)
    assert (refused.status, refused.result) == ("failed", None)
    assert {row.status for row in by_image.values()} == {"ready"}


def test_consent_withdrawn_in_the_queue_is_honoured(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    instance = opinions.admit(technician)
    record_consents(
        actor=technician, patient_id=instance.patient_id, decisions={Purpose.AI_OPINION: False}
    )
    run(pipeline)
    (row,) = rows(technician)
    assert (row.status, row.declined_reason) == ("declined", str(NO_CONSENT))
    assert network.seen == []


def test_between_batches_it_stops_and_gives_back(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    opinions.admit_many(technician, 40)
    pipeline.stopping = lambda: bool(network.sizes)
    with as_worker():
        assert pipeline.run() == 1
    found = [(row.status, row.attempts) for row in rows(technician)]
    assert found.count(("ready", 1)) == 16
    assert found.count(("queued", 0)) == 24


def test_a_batch_that_waited_renews_its_lease(
    technician: Any, pipeline: Pipeline, monkeypatch: Any
) -> None:
    opinions.admit(technician)
    renewed = mock.Mock(wraps=queue.renew)
    monkeypatch.setattr(queue, "renew", renewed)
    monkeypatch.setattr(pipelines, "batch_seconds", lambda: 60.0)
    monkeypatch.setattr(pipelines.Batch, "age", property(lambda self: 31.0))
    run(pipeline)
    renewed.assert_called_once()
    assert [row.status for row in rows(technician)] == ["ready"]
