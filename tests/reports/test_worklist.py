"""What waits for a doctor, in which order, and at what price."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dermaclinic.accounts import clinic_settings
from dermaclinic.errors import Forbidden, Invalid
from imaging.services import assign_lesion, move_instance
from patients.services import record_consents
from reports.selectors import Urgency, worklist
from reports.services.claims import claim_study
from tests import factories
from tests.reports import scenes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def shown(actor: Any, **options: Any) -> list[Any]:
    return [row.study.pk for row in worklist(actor, **options).rows]


@pytest.fixture
def model() -> Any:
    return scenes.model()


@pytest.fixture
def unblinded(administrator: Any) -> None:
    """A clinic whose doctors see the opinion from the start."""
    clinic_settings.change(actor=administrator, number=0, blinded_first=False)


def visit_with(doctor: Any, when: int = 0, **finished: Any) -> Any:
    """A visit `when` days after a certain one, whose single opinion ended so."""
    study, _lesions, [image] = scenes.visit(doctor, acquired_at=NOON + timedelta(days=when))
    if finished:
        scenes.finish(doctor, image, **finished)
    return study


def test_no_opinion_first_then_urgent_pending_and_by_probability(
    doctor: Any, model: Any, unblinded: None
) -> None:
    low = visit_with(doctor, malignant=0.02)
    high = visit_with(doctor, malignant=0.19)
    old = visit_with(doctor, when=-5, malignant=0.02)
    pending = visit_with(doctor)
    urgent = visit_with(doctor, malignant=0.4, triage="urgent")
    most_urgent = visit_with(doctor, malignant=0.9, triage="urgent")
    declined = visit_with(doctor, status="declined")
    failed = visit_with(doctor, when=1, status="failed")
    silent, _lesions, _images = scenes.visit(
        doctor, consent=False, acquired_at=NOON + timedelta(days=2)
    )
    rows = worklist(doctor).rows
    assert [row.study for row in rows] == [
        declined, failed, silent, most_urgent, urgent, pending, high, old, low,
    ]  # fmt: skip
    assert [row.urgency for row in rows] == [
        *[Urgency.NO_OPINION] * 3, *[Urgency.URGENT] * 2, Urgency.PENDING, *[Urgency.ROUTINE] * 3,
    ]  # fmt: skip
    assert [row.malignant_probability for row in rows[3:5]] == [0.9, 0.4]
    assert [row.lesions[0].state for row in rows[:3]] == ["declined", "failed", "opted_out"]
    assert scenes.events(doctor, "worklist.viewed") == 1


def test_where_doctors_judge_blinded_no_place_betrays_the_probability(
    doctor: Any, model: Any
) -> None:
    likely = visit_with(doctor, when=3, malignant=0.19)
    unlikely = visit_with(doctor, when=1, malignant=0.02)
    most_urgent = visit_with(doctor, when=2, malignant=0.9, triage="urgent")
    urgent = visit_with(doctor, malignant=0.4, triage="urgent")
    pending = visit_with(doctor, when=4)
    declined = visit_with(doctor, when=5, status="declined")
    rows = worklist(doctor).rows
    assert [row.study for row in rows] == [
        declined, urgent, most_urgent, pending, unlikely, likely,
    ]  # fmt: skip
    assert [row.malignant_probability for row in rows] == [None] * 6
    keys = [row.key[:8] for row in rows]
    assert keys == ["01000000", "11000000", "11000000", "21000000", "31000000", "31000000"]


def test_one_lesion_without_an_opinion_lifts_its_visit(doctor: Any, model: Any) -> None:
    calm = visit_with(doctor, malignant=0.01)
    study, _lesions, [first, second] = scenes.visit(doctor, lesions=2)
    scenes.finish(doctor, first, malignant=0.01)
    scenes.finish(doctor, second, status="declined")
    assert shown(doctor) == [study.pk, calm.pk]


def test_a_second_image_may_give_the_opinion_that_the_first_did_not(
    doctor: Any, model: Any, unblinded: None
) -> None:
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, status="declined")
    assert worklist(doctor).rows[0].urgency == Urgency.NO_OPINION
    scenes.finish(doctor, scenes.image(doctor, study, lesion), malignant=0.3)
    row = worklist(doctor).rows[0]
    assert (row.urgency, row.malignant_probability) == (Urgency.ROUTINE, 0.3)
    assert len(row.lesions[0].images) == 2


def test_a_patients_later_no_lifts_the_visit_and_hides_the_figure(
    doctor: Any, model: Any, unblinded: None
) -> None:
    study = visit_with(doctor, malignant=0.9, triage="urgent")
    record_consents(actor=doctor, patient_id=study.patient_id, decisions={"ai_opinion": False})
    row = worklist(doctor).rows[0]
    assert (row.urgency, row.malignant_probability) == (Urgency.NO_OPINION, None)
    assert row.lesions[0].opinion is None


def test_an_assessed_lesion_leaves_and_a_new_image_brings_it_back(doctor: Any, model: Any) -> None:
    study, [one, two], _images = scenes.visit(doctor, lesions=2)
    scenes.assess(doctor, study, one)
    row = worklist(doctor).rows[0]
    assert [lesion.open for lesion in row.lesions] == [False, True]
    scenes.assess(doctor, study, two)
    assert shown(doctor) == []
    scenes.image(doctor, study, one)
    row = worklist(doctor).rows[0]
    assert [lesion.open for lesion in row.lesions] == [True, False]
    assert [image.seen for image in row.lesions[0].images] == [True, False]


def test_an_image_without_a_lesion_is_shown_until_it_has_one(doctor: Any, model: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    scenes.assess(doctor, study, lesion)
    loose = scenes.image(doctor, study)
    [row] = worklist(doctor).rows
    assert [image.instance for image in row.unassigned] == [loose]
    assert row.urgency == Urgency.PENDING
    assign_lesion(actor=doctor, instance_id=loose.pk, lesion_id=lesion.pk)
    [row] = worklist(doctor).rows
    assert (row.unassigned, row.lesions[0].open) == ([], True)
    scenes.assess(doctor, study, lesion)
    assert shown(doctor) == []


def test_an_image_that_was_moved_here_waits_though_it_is_older(doctor: Any, model: Any) -> None:
    wrong, _lesions, [image] = scenes.visit(doctor)
    study, [lesion], _images = scenes.visit(doctor)
    scenes.assess(doctor, study, lesion)
    move_instance(
        actor=doctor, instance_id=image.pk, study_id=study.pk, lesion_id=lesion.pk,
        reason="Filed under the wrong person.",
    )  # fmt: skip
    assert shown(doctor) == [study.pk]
    assert wrong.pk not in shown(doctor)


def test_filters_follow_live_claims(clinic: Any, doctor: Any, model: Any) -> None:
    colleague = factories.actor(clinic, "doctor")
    mine, theirs, free = (visit_with(doctor, when=day) for day in range(3))
    claim_study(actor=doctor, study_id=mine.pk)
    claim_study(actor=colleague, study_id=theirs.pk)
    assert shown(doctor) == [mine.pk, theirs.pk, free.pk]
    assert shown(doctor, which="mine") == [mine.pk]
    assert shown(doctor, which="unclaimed") == [free.pk]
    rows = worklist(doctor).rows
    assert [row.claim.doctor.full_name if row.claim else None for row in rows] == [
        doctor.name, colleague.name, None,
    ]  # fmt: skip
    with pytest.raises(Invalid):
        worklist(doctor, which="others")


def test_pages_hang_together(doctor: Any, model: Any) -> None:
    studies = [visit_with(doctor, when=day, malignant=0.1 * (day % 3)) for day in range(7)]
    seen, after = [], ""
    while True:
        page = worklist(doctor, after=after, limit=3)
        seen += [row.study.pk for row in page.rows]
        if not (after := page.after):
            break
    assert len(seen) == len(set(seen)) == len(studies)
    assert seen == shown(doctor)


def test_a_longer_page_costs_no_more_queries(doctor: Any, model: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            worklist(doctor)
        return len(captured)

    visit_with(doctor)
    one = queries()
    for _day in range(4):
        study, [lesion, *_rest], _images = scenes.visit(doctor, lesions=2)
        scenes.image(doctor, study, lesion)
        claim_study(actor=doctor, study_id=study.pk)
    assert queries() == one <= 18


def test_only_doctors_of_the_clinic_have_a_worklist(
    technician: Any, stranger: Any, doctor: Any, model: Any
) -> None:
    visit_with(doctor)
    with pytest.raises(Forbidden):
        worklist(technician)
    assert worklist(stranger).rows == []
    assert scenes.events(doctor, "worklist.viewed") == 0
