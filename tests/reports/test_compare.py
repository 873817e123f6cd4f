"""Two images of a lesion: which ones, what was said of them, who may look, and how they align."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from demo.dermoscopy import Capture, SkinTone, Spec, draw
from demo.lesions import Kind, Lesion
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden, NotFound
from imaging.alignment import TooLong
from imaging.services import ingest
from reports.selectors import compare
from reports.services.histology import record_histology
from tests import factories
from tests.reports import scenes

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def lesion_over_time(actor: Actor, visits: int = 2) -> tuple[Any, list[Any]]:
    """A lesion with one image at each of some visits, 30 days apart, the last one today."""
    patient = factories.patient(actor)
    made = factories.lesion(actor, patient)
    images = []
    for number in reversed(range(visits)):
        when = timezone.now() - 30 * number * DAY
        study = factories.study(actor, patient, acquired_at=when)
        images.append(scenes.image(actor, study, made))
    return made, images


def looks(actor: Actor, action: str) -> list[Any]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action=action).order_by("pk"))


def test_the_newest_is_compared_with_the_visit_before(doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor, 3)
    found = compare.comparison(doctor, lesion.pk)
    assert found.left and found.right
    assert [each.instance for each in found.choices] == images
    assert (found.left.choice.instance, found.right.choice.instance) == (images[1], images[2])


def test_any_two_images_may_be_chosen(doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor, 3)
    found = compare.comparison(doctor, lesion.pk, left=images[2].pk, right=images[0].pk)
    assert found.left and found.right
    assert (found.left.choice.instance, found.right.choice.instance) == (images[2], images[0])
    assert [side.choice.instance for side in found.visits] == [images[0], images[2]]
    alone = compare.comparison(doctor, lesion.pk, left=images[2].pk)
    assert alone.right and alone.right.choice.instance == images[1], "never an image with itself"
    first = compare.comparison(doctor, lesion.pk, right=images[0].pk)
    assert first.left and first.left.choice.instance == images[2]


def test_images_taken_in_the_same_way_come_first(doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor, 3)
    with clinic_context(doctor.clinic_id):
        images[1].modality = "clinical"
        images[1].save(update_fields=["modality"])
    found = compare.comparison(doctor, lesion.pk)
    assert found.left and found.left.choice.instance == images[0]


def test_images_of_one_visit_are_numbered(doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor, 2)
    again = scenes.image(doctor, images[1].study, lesion)
    found = compare.comparison(doctor, lesion.pk)
    assert [(each.number, each.count) for each in found.choices] == [(1, 1), (1, 2), (2, 2)]
    assert found.right and found.right.choice.instance == again
    assert found.left and found.left.choice.instance == images[0]
    same = compare.comparison(doctor, lesion.pk, left=images[1].pk, right=again.pk)
    assert len(same.visits) == 1, "what was said at a visit is said once"


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(doctor: Actor, count: int) -> None:
    lesion, _images = lesion_over_time(doctor, count)
    found = compare.comparison(doctor, lesion.pk)
    assert (found.left, found.right, len(found.choices)) == (None, None, count)


def test_another_lesions_image_is_not_found(doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    _other, others = lesion_over_time(doctor)
    for chosen in ({"left": others[0].pk}, {"right": uuid.uuid4()}):
        with pytest.raises(NotFound):
            compare.comparison(doctor, lesion.pk, **chosen)
    with pytest.raises(NotFound):
        compare.aligned(doctor, lesion.pk, left=images[0].pk, right=others[0].pk)
    assert looks(doctor, "lesion.compared") == []
    assert looks(doctor, "image.viewed") == []


def test_who_may_look(doctor: Actor, stranger: Actor, administrator: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    pair = {"left": images[0].pk, "right": images[1].pk}
    for door in (compare.comparison, compare.aligned):
        with pytest.raises(NotFound):
            door(stranger, lesion.pk, **pair)
        with pytest.raises(Forbidden):
            door(administrator, lesion.pk, **pair)
    assert looks(doctor, "lesion.compared") == looks(doctor, "image.viewed") == []


def test_what_is_shown_is_written_down(doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    scenes.finish(doctor, images[0])
    scenes.finish(doctor, images[1])
    made = scenes.assess(doctor, images[0].study, lesion)
    compare.comparison(doctor, lesion.pk)
    [event] = looks(doctor, "lesion.compared")
    assert event.detail == {"instances": [str(each.pk) for each in images]}
    assert event.patient_id == lesion.patient_id
    assert [each.object_id for each in looks(doctor, "assessment.viewed")] == [str(made.pk)]
    seen = [each.detail for each in looks(doctor, "prediction.viewed")]
    assert sorted(seen, key=len) == [{}, {"shown": "triage"}], "one of them veiled"


def test_blinded_first(doctor: Actor, technician: Actor) -> None:
    """Each visit is veiled by itself, until its own images are assessed."""
    lesion, images = lesion_over_time(doctor)
    for each in images:
        scenes.finish(doctor, each)
    scenes.assess(doctor, images[0].study, lesion)
    found = compare.comparison(doctor, lesion.pk)
    assert found.left and found.right
    assert (found.left.row.veiled, found.right.row.veiled) == (False, True)
    assert found.left.assessment is not None
    assert found.right.assessment is None


def test_histology_and_images_after_it(doctor: Actor) -> None:
    lesion, _images = lesion_over_time(doctor, 3)
    day = timezone.localdate() - 10 * DAY
    record_histology(actor=doctor, lesion_id=lesion.pk, diagnosis=scenes.MELANOMA, reported_on=day)
    found = compare.comparison(doctor, lesion.pk)
    assert found.histology and found.histology.diagnosis == scenes.MELANOMA
    assert found.left and found.right
    assert (found.left.after_report, found.right.after_report) == (False, True)
    record_histology(
        actor=doctor, lesion_id=lesion.pk, diagnosis="", reported_on=day, reason="another's"
    )
    assert compare.comparison(doctor, lesion.pk).histology is None


def test_queries_do_not_grow(doctor: Actor) -> None:
    counts = []
    for visits in (2, 6):
        lesion, images = lesion_over_time(doctor, visits)
        for each in images:
            scenes.finish(doctor, each)
            scenes.assess(doctor, each.study, lesion)
        with CaptureQueriesContext(connection) as queries:
            compare.comparison(doctor, lesion.pk)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def pictures(actor: Actor, **later: Any) -> tuple[Any, list[Any]]:
    """The same lesion at two visits as the demo's dermoscope draws it, large and larger."""
    patient = factories.patient(actor)
    lesion = factories.lesion(actor, patient)
    spec = Spec(SkinTone.TYPE_II, Lesion(Kind.NEVUS_RETICULAR, 7), Capture.plain())
    drawn = [
        draw(replace(spec, size=(600, 450)), 1),
        draw(replace(spec, size=(1200, 900), capture=replace(spec.capture, **later)), 2),
    ]
    images = []
    for number, drawing in enumerate(drawn):
        when = timezone.now() - (1 - number) * DAY
        study = factories.study(actor, patient, acquired_at=when)
        images.append(
            ingest(
                actor=actor, study_id=study.pk, data=drawing.as_jpeg(), lesion_id=lesion.pk
            ).instance
        )
    return lesion, images


def test_images_are_aligned_in_their_own_pixels(doctor: Actor) -> None:
    lesion, images = pictures(doctor, turn_degrees=20.0)
    found = compare.aligned(doctor, lesion.pk, left=images[0].pk, right=images[1].pk)
    assert found is not None
    assert found.similarity.degrees == pytest.approx(-20, abs=0.3)
    assert found.similarity.scale == pytest.approx(0.5, abs=0.005)
    middle = found.similarity.at(600, 450)
    assert middle == pytest.approx((300, 225), abs=1.5)
    seen = looks(doctor, "image.viewed")
    assert {each.object_id for each in seen} == {str(each.pk) for each in images}
    assert {each.detail["rendition"] for each in seen} == {"alignment"}


def test_two_lesions_are_not_aligned(doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    assert compare.aligned(doctor, lesion.pk, left=images[0].pk, right=images[1].pk) is None


def test_an_alignment_ends(doctor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    lesion, images = lesion_over_time(doctor)
    monkeypatch.setattr(compare, "SECONDS", 0.0)
    with pytest.raises(TooLong):
        compare.aligned(doctor, lesion.pk, left=images[0].pk, right=images[1].pk)
    assert len(looks(doctor, "image.viewed")) == 2, "the look is on record all the same"
