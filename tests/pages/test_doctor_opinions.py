"""The small status of an opinion, its heat map, another opinion, and the models' page."""

import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from inference.models import ModelVersion, Prediction
from patients.services import record_consents
from tests import opinions
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def picture(doctor: Any) -> Any:
    """An image whose opinion waits, in a clinic that shows opinions at once."""
    scenes.model()
    scenes.sighted(doctor)
    _study, _lesions, [made] = scenes.visit(doctor)
    return made


def status(picture: Any) -> str:
    return reverse("inference:status", args=[picture.pk])


def test_a_waiting_opinion_is_asked_for_until_it_is_final(at_desk: Client, picture: Any) -> None:
    page = at_desk.get(status(picture)).content.decode()
    assert "Opinion: waiting" in page
    assert 'hx-trigger="every 1s"' in page
    assert "data-poll" in page, "held back while the page is hidden"
    assert at_desk.get(status(picture), {"known": "queued"}).status_code == 204


def test_a_ready_one_shows_the_first_three_and_stops(
    at_desk: Client, doctor: Any, picture: Any
) -> None:
    scenes.finish(doctor, picture, first={"mel": 0.6, "nv": 0.2, "bcc": 0.1}, triage="urgent")
    page = at_desk.get(status(picture), {"known": "queued"}).content.decode()
    assert "Urgent" in page
    assert page.count("<li>") == 3
    places = [page.index(f"{share}\N{NO-BREAK SPACE}%") for share in (60, 20, 10)]
    assert places == sorted(places)
    assert "hx-get" not in page
    assert scenes.events(doctor, "prediction.viewed") == 1


@pytest.mark.parametrize(
    ("state", "said"), [("declined", "Opinion declined"), ("failed", "Opinion failed")]
)
def test_no_opinion_is_said_and_final(
    at_desk: Client, doctor: Any, picture: Any, state: str, said: str
) -> None:
    scenes.finish(doctor, picture, status=state)
    page = at_desk.get(status(picture)).content.decode()
    assert said in page
    assert "hx-get" not in page
    assert "no memory" not in page
    assert scenes.events(doctor, "prediction.viewed") == 0


def test_opted_out_hides_even_an_opinion_that_is_there(
    at_desk: Client, doctor: Any, picture: Any
) -> None:
    scenes.finish(doctor, picture, first={"mel": 0.6})
    record_consents(actor=doctor, patient_id=picture.patient_id, decisions={"ai_opinion": False})
    page = at_desk.get(status(picture)).content.decode()
    assert "not agreed to" in page
    assert "60\N{NO-BREAK SPACE}%" not in page
    assert scenes.events(doctor, "prediction.viewed") == 0


def test_without_a_model_the_page_says_so_and_offers_nothing(at_desk: Client, doctor: Any) -> None:
    _study, _lesions, [made] = scenes.visit(doctor)
    page = at_desk.get(status(made)).content.decode()
    assert "No model for dermoscopic images is active." in page
    assert reverse("inference:ask", args=[made.pk]) not in page
    assert "hx-get" not in page


@pytest.mark.parametrize("who", ["at_desk", "doctors"])
def test_a_first_opinion_is_asked_for_where_it_is_missing(
    request: pytest.FixtureRequest, doctor: Any, who: str
) -> None:
    study, [lesion], [made] = scenes.visit(doctor)
    scenes.model()
    client = request.getfixturevalue(who)
    ask = reverse("inference:ask", args=[made.pk])
    visit = reverse("imaging:visit", args=[study.pk])
    brief = client.get(status(made)).content.decode()
    assert f'action="{ask}"' in brief and f'value="{visit}"' in brief
    here = reverse("reports:review", args=[study.pk])
    page = client.get(here).content.decode()
    assert f'action="{ask}"' in page
    assert f'value="{here}#lesion-{lesion.number}"' in page
    response = client.post(ask, {"next": here}, follow=True)
    page = response.content.decode()
    assert "An opinion is asked for." in page
    assert f'action="{ask}"' not in page
    assert "Opinion: waiting" in client.get(status(made)).content.decode()
    assert scenes.count(doctor, Prediction, status="queued") == 1
    page = client.post(ask, {"next": here}, follow=True).content.decode()
    assert "There is an opinion on this image already" in page
    assert scenes.count(doctor, Prediction) == 1


def test_an_image_beside_one_with_an_opinion_can_be_asked_about(
    doctors: Client, doctor: Any
) -> None:
    study, [lesion], [early] = scenes.visit(doctor)
    scenes.model()
    late = scenes.image(doctor, study, lesion)
    scenes.finish(doctor, late)
    page = doctors.get(reverse("reports:review", args=[study.pk])).content.decode()
    assert f'action="{reverse("inference:ask", args=[early.pk])}"' in page
    assert f'action="{reverse("inference:ask", args=[late.pk])}"' not in page


def test_without_a_model_asking_says_so(at_desk: Client, doctor: Any) -> None:
    _study, _lesions, [made] = scenes.visit(doctor)
    response = at_desk.post(reverse("inference:ask", args=[made.pk]), follow=True)
    assert "No model for dermoscopic images is active." in response.content.decode()
    assert scenes.count(doctor, Prediction) == 0


def test_nobody_is_asked_about_who_has_not_agreed(doctors: Client, doctor: Any) -> None:
    study, _lesions, [made] = scenes.visit(doctor, consent=False)
    scenes.model()
    ask = reverse("inference:ask", args=[made.pk])
    for address in (status(made), reverse("reports:review", args=[study.pk])):
        assert ask not in doctors.get(address).content.decode()
    response = doctors.post(ask, follow=True)
    assert "has not agreed" in response.content.decode()
    assert scenes.count(doctor, Prediction) == 0


@pytest.mark.parametrize(("who", "code"), [("administrators", 403), ("strangers", 404)])
def test_others_ask_for_no_first_opinion(
    request: pytest.FixtureRequest, doctor: Any, who: str, code: int
) -> None:
    _study, _lesions, [made] = scenes.visit(doctor)
    scenes.model()
    other = request.getfixturevalue(who)
    assert other.post(reverse("inference:ask", args=[made.pk])).status_code == code
    assert scenes.count(doctor, Prediction) == 0


def test_the_heat_map_lies_over_the_image(doctors: Client, doctor: Any, picture: Any) -> None:
    made = scenes.finish(doctor, picture)
    address = reverse("inference:heat-map", args=[made.pk])
    response = doctors.get(address)
    with Image.open(io.BytesIO(response.content)) as shown:
        assert shown.size == (picture.width, picture.height)
    assert response.headers["Cache-Control"] == "private, no-store"
    again = doctors.get(address, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert scenes.events(doctor, "prediction.viewed") == 2, "each look counts"


def test_there_is_no_heat_map_of_what_is_not_ready(
    doctors: Client, doctor: Any, picture: Any
) -> None:
    [made] = opinions.predictions(doctor)
    assert doctors.get(reverse("inference:heat-map", args=[made.pk])).status_code == 404


def test_another_opinion_at_a_doctors_wish(doctors: Client, doctor: Any, picture: Any) -> None:
    made = scenes.finish(doctor, picture)
    here = reverse("reports:review", args=[picture.study_id])
    rerun = reverse("inference:rerun", args=[made.pk])
    response = doctors.post(rerun, {"next": here}, follow=True)
    assert "Another opinion is asked for." in response.content.decode()
    assert scenes.count(doctor, Prediction) == 2
    response = doctors.post(rerun, {"next": here}, follow=True)
    assert "is being made already" in response.content.decode()
    assert scenes.count(doctor, Prediction) == 2
    assert doctors.post(rerun, {"next": "//elsewhere.example/"}).url == reverse("home")


@pytest.mark.parametrize(("who", "code"), [("at_desk", 403), ("strangers", 404)])
def test_others_ask_for_none(
    request: pytest.FixtureRequest, doctor: Any, picture: Any, who: str, code: int
) -> None:
    made = scenes.finish(doctor, picture)
    other = request.getfixturevalue(who)
    assert other.post(reverse("inference:rerun", args=[made.pk])).status_code == code
    assert scenes.count(doctor, Prediction) == 1


def test_another_clinics_opinion_is_not_there(
    strangers: Client, administrators: Client, doctor: Any, picture: Any
) -> None:
    made = scenes.finish(doctor, picture)
    for address in (status(picture), reverse("inference:heat-map", args=[made.pk])):
        assert strangers.get(address).status_code == 404
        assert administrators.get(address).status_code == 403
    assert scenes.events(doctor, "prediction.viewed") == 0


def test_an_administrator_sees_the_models_and_chooses(
    administrators: Client, administrator: Any
) -> None:
    old = opinions.model("1")
    new = opinions.model("2", active=False)
    page = administrators.get(reverse("inference:models")).content.decode()
    assert old.sha256 in page
    assert "Let it answer from now on" in page
    response = administrators.post(reverse("inference:activate", args=[new.pk]), follow=True)
    assert f"{new} answers from now on." in response.content.decode()
    assert ModelVersion.objects.get(active=True) == new
    assert scenes.events(administrator, "model.activated") == 1


def test_doctors_see_the_models_but_do_not_choose(doctors: Client) -> None:
    old = opinions.model("1")
    new = opinions.model("2", active=False)
    page = doctors.get(reverse("inference:models")).content.decode()
    assert old.sha256 in page
    assert "Let it answer" not in page
    assert doctors.post(reverse("inference:activate", args=[new.pk])).status_code == 403
    assert ModelVersion.objects.get(active=True) == old


def test_no_model_is_said_calmly(administrators: Client) -> None:
    assert b"No model is registered." in administrators.get(reverse("inference:models")).content
