"""What the network was told of a lesion has changed: its opinion is asked for anew."""

from typing import Any

import pytest

from dermaclinic.accounts.tenancy import clinic_context
from inference.models import Prediction
from patients.body_map.places import Place
from patients.services import change_lesion, place_lesion
from tests.reports import scenes

pytestmark = pytest.mark.django_db
PLACE = Place.at("front", 0.5, 0.3)


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def read(doctor: Any) -> Any:
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image)
    return study, lesion, image


def asked(doctor: Any, image: Any) -> list[tuple[int, str]]:
    with clinic_context(doctor.clinic_id):
        rows = Prediction.objects.filter(instance=image).order_by("rerun")
        return [(each.rerun, each.status) for each in rows]


def test_another_site_asks_again(doctor: Any) -> None:
    _study, lesion, image = read(doctor)
    change_lesion(actor=doctor, lesion_id=lesion.pk, body_site="abdomen")
    assert asked(doctor, image) == [(0, "ready"), (1, "queued")]
    assert scenes.events(doctor, "prediction.requested") == 2


def test_a_marker_that_is_moved_to_another_site_asks_again(doctor: Any) -> None:
    _study, lesion, image = read(doctor)
    place_lesion(actor=doctor, lesion_id=lesion.pk, place=PLACE, seen=None)
    assert isinstance(PLACE, Place)
    assert PLACE.where.site != "back"
    assert asked(doctor, image) == [(0, "ready"), (1, "queued")]


def test_the_same_site_in_other_words_asks_nobody(doctor: Any) -> None:
    _study, lesion, image = read(doctor)
    change_lesion(actor=doctor, lesion_id=lesion.pk, note="two fingers below the blade")
    assert asked(doctor, image) == [(0, "ready")]


def test_what_was_assessed_keeps_the_opinion_that_stood_beside_it(doctor: Any) -> None:
    study, lesion, image = read(doctor)
    scenes.assess(doctor, study, lesion)
    change_lesion(actor=doctor, lesion_id=lesion.pk, body_site="abdomen")
    assert asked(doctor, image) == [(0, "ready")]


def test_an_image_without_an_opinion_gets_none(doctor: Any) -> None:
    _study, [lesion], [image] = scenes.visit(doctor, consent=False)
    change_lesion(actor=doctor, lesion_id=lesion.pk, body_site="abdomen")
    assert asked(doctor, image) == []
