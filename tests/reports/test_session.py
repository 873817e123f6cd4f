"""One signature for a session: what waits for it, what it closes, and what it leaves alone."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden, Invalid, NotFound
from patients.services import change_patient
from reports.models import Report
from reports.selectors.session import SessionVisit, session
from reports.services.session import Outcome, Wanted, sign_session
from tests import factories
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def assessed(doctor: Any, *, lesions: int = 1, answered: int | None = None) -> Any:
    study, made, pictures = scenes.visit(doctor, lesions=lesions)
    for lesion in made[:answered]:
        scenes.assess(doctor, study, lesion)
    return study, made, pictures


def wanted(visit: SessionVisit) -> Wanted:
    said, study, *made = visit.value.split(",")
    return Wanted(uuid.UUID(study), tuple(map(uuid.UUID, made)), said)


def sign_all(doctor: Any, password: str = factories.PASSWORD) -> list[Outcome]:
    return sign_session(
        actor=doctor, wanted=[wanted(each) for each in session(doctor)], password=password
    )


def test_one_signature_closes_a_sessions_reports(doctor: Any) -> None:
    for lesions in (1, 3, 2):
        assessed(doctor, lesions=lesions)
    outcomes = sign_all(doctor)
    reports = [each.report for each in outcomes if each.report is not None]
    assert [(each.number, each.status) for each in reports] == [
        (1, "signed"), (2, "signed"), (3, "signed")
    ]  # fmt: skip
    assert sorted(len((each.content or {})["lesions"]) for each in reports) == [1, 2, 3]
    assert scenes.events(doctor, "report.signed") == 3
    assert session(doctor) == []


def test_a_wrong_password_signs_nothing_and_is_told_of_each_visit(doctor: Any) -> None:
    assessed(doctor)
    assessed(doctor)
    with pytest.raises(Invalid) as refused:
        sign_all(doctor, "wrong")
    assert "password" in refused.value.errors
    assert scenes.count(doctor, Report) == 0
    assert scenes.events(doctor, "report.sign", outcome="denied") == 2
    assert scenes.events(doctor, "report.composed") == 0


def test_a_visit_that_has_changed_since_is_refused_and_the_others_go_on(doctor: Any) -> None:
    study, [lesion], _pictures = assessed(doctor)
    assessed(doctor)
    shown = [wanted(each) for each in session(doctor)]
    scenes.assess(doctor, study, lesion, scenes.DYSPLASTIC)
    outcomes = sign_session(actor=doctor, wanted=shown, password=factories.PASSWORD)
    assert {each.study_id: each.report is None for each in outcomes}[study.pk]
    assert sum(each.report is not None for each in outcomes) == 1
    assert "assessed anew" in next(each.refusal for each in outcomes if each.report is None)
    assert scenes.count(doctor, Report) == 1, "the refused visit left no draft behind"
    assert scenes.events(doctor, "report.composed") == 1
    assert [each.study.pk for each in session(doctor)] == [study.pk]


def test_what_would_say_something_else_by_now_is_not_signed(doctor: Any) -> None:
    """Somebody corrects the name between the reading and the signature."""
    study, _lesions, _pictures = assessed(doctor)
    shown = [wanted(each) for each in session(doctor)]
    change_patient(
        actor=doctor, patient_id=study.patient_id, version=1, family_name="Anotherperson"
    )
    [outcome] = sign_session(actor=doctor, wanted=shown, password=factories.PASSWORD)
    assert outcome.report is None
    assert "has changed since you read it" in outcome.refusal
    assert scenes.count(doctor, Report) == 0
    assert scenes.events(doctor, "report.signed") == 0
    [again] = sign_all(doctor)
    assert again.report is not None
    assert (again.report.content or {})["patient"]["family_name"] == "Anotherperson"


def test_assessments_of_another_visit_are_not_signed_under_this_one(doctor: Any) -> None:
    mine, _lesions, _pictures = assessed(doctor)
    other, _lesions, _pictures = assessed(doctor)
    by_study = {each.study.pk: wanted(each).assessment_ids for each in session(doctor)}
    [outcome] = sign_session(
        actor=doctor, wanted=[Wanted(mine.pk, by_study[other.pk], "")], password=factories.PASSWORD
    )
    assert outcome.report is None
    assert scenes.count(doctor, Report) == 0


def test_a_visit_with_an_open_lesion_is_listed_but_not_chosen(doctor: Any) -> None:
    assessed(doctor, lesions=3, answered=2)
    [visit] = session(doctor)
    assert (visit.open_lesions, visit.complete, len(visit.lesions)) == (1, False, 2)


def test_an_open_lesion_that_a_colleague_has_assessed_is_open_no_more(
    doctor: Any, clinic: Any
) -> None:
    study, [_mine, theirs], _pictures = assessed(doctor, lesions=2, answered=1)
    colleague = factories.actor(clinic, "doctor")
    scenes.assess(colleague, study, theirs)
    [visit] = session(doctor)
    assert visit.complete
    assert [each.author_id for each in visit.assessments] == [doctor.user.pk]
    assert len(session(colleague)) == 1


def test_a_lesion_in_a_signed_report_is_to_be_amended(doctor: Any) -> None:
    report, study, lesion, _picture = scenes.signed(doctor)
    assert session(doctor) == []
    scenes.assess(doctor, study, lesion, scenes.DYSPLASTIC)
    [visit] = session(doctor)
    assert visit.former == report
    assert "Amend" in visit.refusal
    [outcome] = sign_all(doctor)
    assert outcome.report is None
    assert outcome.refusal == visit.refusal


def test_a_moved_image_is_in_the_way(doctor: Any) -> None:
    from imaging.services import move_instance

    study, _lesions, [picture] = assessed(doctor)
    other = factories.study(doctor, study.patient)
    move_instance(actor=doctor, instance_id=picture.pk, study_id=other.pk, reason="wrong day")
    [visit] = session(doctor)
    assert "moved" in visit.refusal


def test_what_was_assessed_long_ago_is_not_todays_work(doctor: Any) -> None:
    assessed(doctor)
    assert session(doctor, now=timezone.now() + timedelta(days=31)) == []


def test_nothing_chosen_nothing_signed(doctor: Any) -> None:
    with pytest.raises(Invalid):
        sign_session(actor=doctor, wanted=[], password=factories.PASSWORD)


def test_another_clinics_visit_is_not_found(doctor: Any, stranger: Any) -> None:
    assessed(doctor)
    [visit] = session(doctor)
    with pytest.raises(NotFound):
        sign_session(actor=stranger, wanted=[wanted(visit)], password=factories.PASSWORD)
    assert scenes.count(doctor, Report) == 0


@pytest.mark.parametrize("role", ["technician", "administrator"])
def test_only_doctors_sign(clinic: Any, doctor: Any, role: str) -> None:
    assessed(doctor)
    visits = [wanted(each) for each in session(doctor)]
    other = factories.actor(clinic, role)
    with pytest.raises(Forbidden):
        session(other)
    with pytest.raises(Forbidden):
        sign_session(actor=other, wanted=visits, password=factories.PASSWORD)
    assert scenes.count(doctor, Report) == 0


def test_the_list_costs_the_same_for_one_visit_and_for_six(doctor: Any) -> None:
    assessed(doctor, lesions=2)
    with CaptureQueriesContext(
        connection,
    ) as one:
        session(doctor)
    for _ in range(5):
        assessed(doctor, lesions=2)
    with CaptureQueriesContext(connection) as six:
        assert len(session(doctor)) == 6
    assert len(six) == len(one)
    assert scenes.count(doctor, Event, action="session.viewed") == 2
