"""An assessment covers the images that the page showed, and none that came meanwhile."""

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.services import assign_lesion
from reports import veil
from reports.models import Assessment
from reports.services.assessments import keep_assessment
from tests.reports import scenes

pytestmark = pytest.mark.django_db
COME = "A new image of this lesion has come since you opened it. Look at it first."
SAID = {"diagnosis_1": scenes.NEVUS, "management": "discharge", "comment": "Typed already."}


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def text(response: Any) -> str:
    return html.unescape(response.content.decode())


def posted_images(page: str, action: str) -> str:
    """What the form of this address would post as the images shown."""
    form = page[page.index(f'action="{action}"') :].split("</form>")[0]
    found = re.search(r'<input type="hidden" name="images" value="([^"]*)">', form)
    assert found, "the form names the images it stands beside"
    return found[1]


def hidden(actor: Any, image: Any) -> bool:
    with clinic_context(actor.clinic_id):
        return image.pk in veil.hidden(actor, [image])


def test_an_image_that_came_meanwhile_is_looked_at_first(doctors: Client, doctor: Any) -> None:
    study, [lesion], [first] = scenes.visit(doctor)
    review = reverse("reports:review", args=[study.pk])
    action = reverse("reports:assess", args=[study.pk, lesion.pk])
    shown = posted_images(text(doctors.get(review)), action)
    assert shown == str(first.pk)
    late = scenes.image(doctor, study, lesion)
    refused = doctors.post(action, SAID | {"images": shown})
    page = text(refused)
    assert refused.status_code == 409
    assert COME in page
    assert "Typed already." in page
    assert scenes.count(doctor, Assessment) == 0
    assert scenes.events(doctor, "assessment.recorded") == 0
    assert hidden(doctor, late)
    again = posted_images(page, action)
    assert again == f"{first.pk},{late.pk}", "this page shows it"
    assert doctors.post(action, SAID | {"images": again}).status_code == 302
    with clinic_context(doctor.clinic_id):
        assert set(Assessment.objects.get().images) == {first.pk, late.pk}


def test_an_image_that_was_assigned_meanwhile_too(doctors: Client, doctor: Any) -> None:
    study, [lesion], [first] = scenes.visit(doctor)
    loose = scenes.image(doctor, study)
    action = reverse("reports:assess", args=[study.pk, lesion.pk])
    assign_lesion(actor=doctor, instance_id=loose.pk, lesion_id=lesion.pk)
    assert doctors.post(action, SAID | {"images": str(first.pk)}).status_code == 409
    assert doctors.post(action, SAID | {"images": "x"}).status_code == 409
    assert scenes.count(doctor, Assessment) == 0


def test_an_image_that_is_gone_is_said_as_such(doctors: Client, doctor: Any) -> None:
    study, [lesion], [first] = scenes.visit(doctor)
    action = reverse("reports:assess", args=[study.pk, lesion.pk])
    refused = doctors.post(action, SAID | {"images": f"{first.pk},{lesion.pk}"})
    assert refused.status_code == 409
    assert "An image is no longer filed under this lesion." in text(refused)


def test_a_first_impression_is_not_kept_for_an_image_unseen(doctors: Client, doctor: Any) -> None:
    study, [lesion], [first] = scenes.visit(doctor)
    scenes.finish(doctor, first, first={"nv": 0.6, "mel": 0.2, "bkl": 0.1})
    made = scenes.assess(doctor, study, lesion, scenes.SCC)
    review = reverse("reports:review", args=[study.pk])
    action = reverse("reports:keep", args=[made.pk])
    shown = posted_images(text(doctors.get(review)), action)
    late = scenes.image(doctor, study, lesion)
    refused = doctors.post(action, {"reason": "Scale, typed.", "images": shown})
    page = text(refused)
    assert refused.status_code == 409
    assert COME in page
    assert "Scale, typed." in page
    with pytest.raises(Conflict, match="A new image of this lesion has come"):
        keep_assessment(actor=doctor, assessment_id=made.pk, reason="Scale.")
    assert scenes.count(doctor, Assessment) == 1
    assert hidden(doctor, late)
    kept = doctors.post(action, {"reason": "Scale.", "images": posted_images(page, action)})
    assert kept.status_code == 302
    with clinic_context(doctor.clinic_id):
        assert late.pk in Assessment.objects.get(version=2).images


def test_an_open_page_tells_of_a_new_image_once(doctors: Client, doctor: Any) -> None:
    study, [one, two], pictures = scenes.visit(doctor, lesions=2)
    for picture in pictures:
        scenes.finish(doctor, picture)
    review = reverse("reports:review", args=[study.pk])
    live = reverse("reports:review-live", args=[study.pk])
    counts = doctors.get(review).context["counts"]
    assert counts == f"{one.number}.1,{two.number}.1"
    assert doctors.get(live, {"images": "", "counts": counts}).status_code == 204
    scenes.image(doctor, study)
    assert doctors.get(live, {"images": "", "counts": counts}).status_code == 204, "of no lesion"
    scenes.finish(doctor, scenes.image(doctor, study, two))
    news = doctors.get(live, {"images": "", "counts": counts})
    page = text(news)
    assert f"A new image of lesion {two.number} has come." in page
    assert f"A new image of lesion {one.number} has come." not in page
    assert f'method="get" action="{review}"' in page
    assert f"The opinion on lesion {two.number} is here." not in page
    later = {"images": "", "counts": news.context["counts"]}
    assert doctors.get(live, later).status_code == 204, "said once"
    assert doctors.get(live, {"images": "", "counts": "x.y,,1"}).status_code == 200
