"""The intended use of a model, held to before its network sees an image."""

from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from inference.network import intended
from inference.templatetags.limits import declined_words, limited_words
from tests import factories, opinions
from tests.workers.test_pipeline import (
    Network,
    finding,
    model as model,
    network as network,
    pipeline as pipeline,
    rows,
    run,
)
from workers.pipeline import Pipeline


def of_lesion(
    actor: Any, site: str, *, laterality: str = "", born: int = 1970, seed: int = 1
) -> Any:
    patient = factories.patient(actor, birth_date=date(born, 1, 1))
    lesion = factories.lesion(actor, patient, body_site=site, laterality=laterality)
    return opinions.admit(actor, patient, lesion_id=lesion.pk, seed=seed)


@pytest.mark.parametrize(
    ("site", "laterality", "born", "code"),
    [
        ("back", "", timezone.now().year - 10, "under_age"),
        ("genital", "", 1970, "site_excluded"),
        ("acral", "left", 1970, "site_excluded"),
    ],
)
def test_outside_its_intended_use_the_network_is_not_asked(
    technician: Any,
    pipeline: Pipeline,
    network: Network,
    site: str,
    laterality: str,
    born: int,
    code: str,
) -> None:
    of_lesion(technician, site, laterality=laterality, born=born)
    run(pipeline)
    (row,) = rows(technician)
    assert (row.status, row.declined_reason) == ("declined", intended.NONE[code])
    assert row.result == {"declined_code": code}
    assert (row.malignant_probability, row.saliency, row.triage) == (None, None, "")
    assert network.seen == []


def test_one_refusal_leaves_the_rest_of_the_batch_alone(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    refused, read = of_lesion(technician, "genital"), of_lesion(technician, "back", seed=2)
    network.answer = lambda case: finding(limited=[])
    run(pipeline)
    by_image = {row.instance_id: row for row in rows(technician)}
    assert by_image[refused.pk].status == "declined"
    assert by_image[read.pk].status == "ready"
    assert network.sizes == [1]
    assert by_image[read.pk].result["limited"] == []


def test_an_opinion_says_what_limits_it(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    network.answer = lambda case: finding(limited=[])
    of_lesion(technician, "hand", laterality="left")
    run(pipeline)
    (row,) = rows(technician)
    assert (row.status, row.result["limited"]) == ("ready", ["site_rare"])
    assert limited_words(row) == [intended.LIMITED["site_rare"]]


def test_what_the_image_lacks_and_what_the_case_lacks_stand_together(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    network.answer = lambda case: finding(limited=["hair"])
    opinions.admit(technician)
    run(pipeline)
    (row,) = rows(technician)
    assert row.result["limited"] == ["hair", "site_unknown"]


def test_a_declined_image_stays_declined_for_its_own_reason(
    technician: Any, pipeline: Pipeline, network: Network
) -> None:
    network.answer = lambda case: finding(declined_reason="Blurred.", declined_code="blurred")
    of_lesion(technician, "hand", laterality="left")
    run(pipeline)
    (row,) = rows(technician)
    assert row.result["declined_code"] == "blurred"
    assert "limited" not in row.result
    assert declined_words(row).startswith("The image is too blurred")
