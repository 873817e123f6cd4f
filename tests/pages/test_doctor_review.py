"""The review page: what it shows of images and opinions, to whom, and how news arrive."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from inference.models import ModelVersion, Prediction
from patients.services import record_consents
from reports.services.claims import claim_study
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import UNATTENDED
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def address(study: Any) -> str:
    return reverse("reports:review", args=[study.pk])


def text(response: Any) -> str:
    """The page's words, without line breaks and tags' whitespace."""
    return " ".join(response.content.decode().split())


def test_an_opinion_with_everything_one_must_know_of_it(doctors: Client, doctor: Any) -> None:
    scenes.sighted(doctor)
    study, _lesions, [picture] = scenes.visit(doctor)
    opinion = scenes.finish(
        doctor, picture, first={"mel": 0.61, "nv": 0.3}, malignant=0.63, triage="urgent"
    )
    page = text(doctors.get(address(study)))
    assert "investigational" in page
    assert "Malignant or premalignant: <strong>63 %</strong>" in page
    assert 'max="1" value="0.6100"' in page
    assert page.index("Malignant melanoma of skin") < page.index("Melanocytic nevus of skin")
    assert "Urgent from 20 % on" in page
    assert "found 95 % of malignant lesions (at least 92 %)" in page
    assert "age 56, female, back." in page
    assert "Not told:" not in page
    model = ModelVersion.objects.get()
    assert f"{model.name} {model.version}" in page
    assert model.sha256 in page
    assert reverse("inference:heat-map", args=[opinion.pk]) in page
    assert 'aria-pressed="false" data-layer-on' in page, "the heat map begins invisible"
    assert scenes.events(doctor, "study.viewed") == 1


def test_what_the_network_was_not_told(doctors: Client, doctor: Any) -> None:
    scenes.sighted(doctor)
    study, _lesions, [picture] = scenes.visit(doctor)
    row = scenes.finish(doctor, picture)
    assert row.result is not None
    assert "Told:" in text(doctors.get(address(study)))
    later, _lesions, [bare] = scenes.visit(doctor)
    with clinic_context(doctor.clinic_id):
        # As the worker would write of an image without a lesion, of a person of unknown sex.
        made = Prediction.objects.get(instance=bare)
        made.status, made.malignant_probability, made.triage = "ready", 0.1, "routine"
        made.result = dict(row.result) | {"metadata_used": {"age": 56.0}, "decision": "bkl"}
        made.finished_at = timezone.now()
        with acting_as("owner"):
            made.save()
    page = text(doctors.get(address(later)))
    assert "Not told:</span> sex and body site." in page
    assert "the image speaks most for: Seborrheic keratosis" in page


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("declined", "The network gave no opinion. blurred"),
        ("failed", "Reading the image failed"),
        ("queued", "The network is reading"),
    ],
)
def test_why_there_is_no_opinion(doctors: Client, doctor: Any, status: str, said: str) -> None:
    study, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture, status=status)
    page = text(doctors.get(address(study)))
    assert said in page
    assert "no memory" not in page, "what a worker logs is not for this page"
    assert "Record the assessment" in page
    assert 'class="bars"' not in page


def test_a_patient_who_said_no_is_shown_no_opinion(doctors: Client, doctor: Any) -> None:
    study, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture, malignant=0.9, triage="urgent")
    record_consents(actor=doctor, patient_id=study.patient_id, decisions={"ai_opinion": False})
    page = text(doctors.get(address(study)))
    assert "has not agreed to an opinion by software" in page
    assert "A second opinion by software: declined" in page
    assert "90\N{NO-BREAK SPACE}%" not in page
    assert "Urgent" not in page
    assert "data-heat" not in page


def test_the_same_lesion_earlier(doctors: Client, doctor: Any) -> None:
    before, [lesion], [old] = scenes.visit(doctor, acquired_at=timezone.now() - timedelta(days=90))
    scenes.assess(doctor, before, lesion, scenes.DYSPLASTIC, management="excise")
    study = factories.study(doctor, before.patient)
    scenes.image(doctor, study, lesion)
    page = text(doctors.get(address(study)))
    assert reverse("imaging:image", args=[old.pk]) in page
    assert "Dysplastic nevus of skin; Biopsy or excise" in page
    assert address(before) in page


def test_images_without_a_lesion_are_named(doctors: Client, doctor: Any) -> None:
    study, *_rest = scenes.visit(doctor)
    loose = scenes.image(doctor, study)
    page = text(doctors.get(address(study)))
    assert "Images without a lesion" in page
    assert f'id="brief-{loose.pk}"' in page
    assert reverse("imaging:visit", args=[study.pk]) in page


def test_an_empty_visit_leads_to_the_upload(doctors: Client, doctor: Any) -> None:
    study = factories.study(doctor, factories.patient(doctor))
    page = text(doctors.get(address(study)))
    assert "This visit has no image yet." in page


def test_another_doctors_claim_is_said_and_blocks(
    doctors: Client, doctor: Any, clinic: Any
) -> None:
    study, *_rest = scenes.visit(doctor)
    other = factories.actor(clinic, "doctor")
    claim_study(actor=other, study_id=study.pk)
    page = text(doctors.get(address(study)))
    assert f"{other.name} is reading this visit until" in page
    assert 'aria-disabled="true" disabled' in page


def test_news_are_pushed_into_place_once(doctors: Client, doctor: Any) -> None:
    scenes.sighted(doctor)
    study, [one, two], [first, second] = scenes.visit(doctor, lesions=2)
    live = reverse("reports:review-live", args=[study.pk])
    page = doctors.get(address(study))
    asked = {"images": page.context["waiting"]}
    assert set(asked["images"].split(",")) == {str(first.pk), str(second.pk)}
    assert doctors.get(live, asked).status_code == 204
    scenes.finish(doctor, first)
    news = doctors.get(live, asked)
    said = text(news)
    assert f"#opinion-{one.number}" in said
    assert f"#opinion-{two.number}" not in said
    assert f"#heat-{first.pk}" in said
    assert news.context["waiting"] == str(second.pk)
    assert "every 1s" in said
    assert scenes.events(doctor, "prediction.viewed") == 1
    scenes.finish(doctor, second, status="declined")
    last = doctors.get(live, {"images": str(second.pk)})
    assert "every 1s" not in text(last)
    assert scenes.events(doctor, "prediction.viewed") == 1, "nothing to see in a refusal"
    assert scenes.events(doctor, "study.viewed") == 3, "the page, and each news of the visit"


def test_the_number_of_queries_does_not_grow(doctors: Client, doctor: Any) -> None:
    def queries(study: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert doctors.get(address(study), headers=UNATTENDED).status_code == 200
        return len(captured)

    small, [lesion], [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture)
    scenes.assess(doctor, small, lesion)
    large, lesions, pictures = scenes.visit(doctor, lesions=4)
    for each, seen in zip(lesions, pictures, strict=True):
        scenes.finish(doctor, seen)
        scenes.assess(doctor, large, each)
        scenes.assess(doctor, large, each, management="excise")
    assert queries(large) == queries(small)


def test_a_technician_looks_but_does_not_assess(at_desk: Client, doctor: Any) -> None:
    study, [lesion], [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture)
    scenes.assess(doctor, study, lesion)
    page = text(at_desk.get(address(study)))
    assert "Second opinion" in page
    assert "Recorded" in page
    for button in ("Record the assessment", "Compose the report", "Claim this visit"):
        assert button not in page
    assert "Ask for another opinion" not in page


def test_others_do_not_look(administrators: Client, strangers: Client, doctor: Any) -> None:
    study, *_rest = scenes.visit(doctor)
    for name in ("reports:review", "reports:review-live"):
        assert administrators.get(reverse(name, args=[study.pk])).status_code == 403
        assert strangers.get(reverse(name, args=[study.pk])).status_code == 404
    assert scenes.events(doctor, "study.viewed") == 0
