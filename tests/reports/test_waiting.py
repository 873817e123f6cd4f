"""Which visits wait: the rows that say so against the rule, through every door."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings, strategies as st

from dermaclinic.accounts.tenancy import clinic_context
from imaging.services import assign_lesion, move_instance
from patients.services import record_consents
from reports.models import Assessment, AssessmentWithdrawal, Waiting
from reports.selectors import worklist
from reports.services import waiting
from tests import factories
from tests.database import acting_as
from tests.reports import scenes
from tests.waiting import wait_until
from tests.wall import roles
from workers.default import sweep_waiting

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def listed(actor: Any) -> set[Any]:
    with clinic_context(actor.clinic_id):
        assert waiting.differences() == []
        return set(Waiting.objects.values_list("study_id", flat=True))


def withdraw(doctor: Any, assessment: Assessment) -> None:
    """As the service leaves it: the row, and the visit asked anew."""
    with clinic_context(doctor.clinic_id):
        AssessmentWithdrawal.objects.create(
            clinic_id=doctor.clinic_id, assessment=assessment, author=factories.user(doctor)
        )
        waiting.refresh([assessment.study_id])


@pytest.fixture
def model() -> Any:
    return scenes.model()


def test_a_visit_waits_from_its_first_image_to_its_last_assessment(doctor: Any, model: Any) -> None:
    empty = factories.study(doctor, factories.patient(doctor))
    study, [one, two], _images = scenes.visit(doctor, lesions=2)
    assert listed(doctor) == {study.pk}
    scenes.assess(doctor, study, one)
    assert listed(doctor) == {study.pk}
    made = scenes.assess(doctor, study, two)
    assert listed(doctor) == set()
    withdraw(doctor, made)
    assert listed(doctor) == {study.pk}
    assert [row.study.pk for row in worklist(doctor).rows] == [study.pk]
    assert empty.pk not in listed(doctor)


def test_moving_an_image_asks_both_visits(doctor: Any, model: Any) -> None:
    left, [lesion], [first] = scenes.visit(doctor)
    second = scenes.image(doctor, left, lesion)
    target, [there], _images = scenes.visit(doctor)
    scenes.assess(doctor, target, there)
    move_instance(
        actor=doctor,
        instance_id=first.pk,
        study_id=target.pk,
        lesion_id=there.pk,
        reason="Misfiled",
    )
    assert listed(doctor) == {left.pk, target.pk}
    move_instance(actor=doctor, instance_id=second.pk, study_id=target.pk, reason="Misfiled, too")
    assert listed(doctor) == {target.pk}  # no image is left in the other


def test_an_image_given_back_to_its_assessed_lesion_waits_no_more(doctor: Any, model: Any) -> None:
    study, [one, two], [image, _other] = scenes.visit(doctor, lesions=2)
    scenes.image(doctor, study, one)
    scenes.assess(doctor, study, one)
    scenes.assess(doctor, study, two)
    assign_lesion(actor=doctor, instance_id=image.pk, lesion_id=two.pk)
    assert listed(doctor) == {study.pk}
    assign_lesion(actor=doctor, instance_id=image.pk, lesion_id=one.pk)
    assert listed(doctor) == set()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["image", "loose", "assess", "withdraw", "assign", "move", "opinion", "consent"]
        ),
        st.integers(0, 1),
        st.integers(0, 1),
    ),
    max_size=9,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_the_rows_are_the_rule_after_any_history(doctor: Any, model: Any, steps: Any) -> None:
    """One patient, two visits, two lesions; `listed` compares each time, and so do the places."""
    patient = factories.patient(doctor)
    visits = [factories.study(doctor, patient, acquired_at=NOON) for _ in range(2)]
    lesions = [factories.lesion(doctor, patient) for _ in range(2)]
    images: list[Any] = []
    for what, visit, lesion in steps:
        study, spot = visits[visit], lesions[lesion]
        with clinic_context(doctor.clinic_id):
            here = spot.instances.filter(study=study).exists()
            standing = Assessment.objects.standing().filter(study=study, lesion=spot).first()
        if what == "image":
            images.append(scenes.image(doctor, study, spot))
        elif what == "loose":
            images.append(scenes.image(doctor, study))
        elif what == "assess" and here:
            # Not the same once more, which would record nothing.
            scenes.assess(doctor, study, spot, comment=str(len(images)))
        elif what == "withdraw" and standing:
            withdraw(doctor, standing)
        elif what == "assign" and images:
            assign_lesion(actor=doctor, instance_id=images[-1].pk, lesion_id=spot.pk)
        elif what == "opinion" and images:
            scenes.finish(
                doctor, images[visit * -1], malignant=(0.9, 0.1)[lesion],
                triage=("urgent", "routine")[lesion],
            )  # fmt: skip
        elif what == "consent":
            decisions = {"ai_opinion": bool(visit)}
            record_consents(actor=doctor, patient_id=patient.pk, decisions=decisions)
        elif what == "move" and images:
            with clinic_context(doctor.clinic_id):
                images[0].refresh_from_db()
            if images[0].study_id != study.pk:
                move_instance(
                    actor=doctor, instance_id=images[0].pk, study_id=study.pk,
                    lesion_id=spot.pk if lesion else None, reason="Misfiled",
                )  # fmt: skip
        waits = listed(doctor)
        assert {row.study.pk for row in worklist(doctor).rows} == waits
        with clinic_context(doctor.clinic_id):
            assert not Waiting.objects.filter(stale=True).exists()


def test_the_nightly_sweep_mends_and_tells(
    doctor: Any, stranger: Any, model: Any, caplog: Any
) -> None:
    forgotten, _lesions, _images = scenes.visit(doctor)
    done, [lesion], _images = scenes.visit(doctor)
    scenes.assess(doctor, done, lesion)
    elsewhere, _lesions, _images = scenes.visit(stranger)
    with clinic_context(doctor.clinic_id):
        Waiting.objects.all().delete()
        Waiting.objects.create(clinic_id=doctor.clinic_id, study=done)
        assert set(waiting.differences()) == {forgotten.pk, done.pk}
    with caplog.at_level(logging.WARNING):
        sweep_waiting()
    assert listed(doctor) == {forgotten.pk}
    assert listed(stranger) == {elsewhere.pk}
    assert [record.message for record in caplog.records] == [
        "2 visits stood wrongly in a clinic's worklist, or were missing there."
    ]
    caplog.clear()
    sweep_waiting()
    assert caplog.records == []


def test_a_place_that_is_wrong_is_found_and_put_right(doctor: Any, model: Any) -> None:
    study, _lesions, _images = scenes.visit(doctor)
    [right] = [row.key for row in worklist(doctor).rows]
    with clinic_context(doctor.clinic_id):
        Waiting.objects.update(place="0" + right[1:])
    assert waiting.mend(doctor.clinic_id) == [study.pk]
    with clinic_context(doctor.clinic_id):
        assert waiting.differences() == []
    assert [row.key for row in worklist(doctor).rows] == [right]


def test_a_place_is_computed_once_and_when_something_has_changed(doctor: Any, model: Any) -> None:
    def updates() -> int:
        with CaptureQueriesContext(connection) as captured:
            worklist(doctor)
        return sum(each["sql"].startswith("\nUPDATE") for each in captured.captured_queries)

    _study, _lesions, [image] = scenes.visit(doctor)
    assert [updates(), updates()] == [1, 0]
    scenes.finish(doctor, image, triage="urgent")
    assert [updates(), updates()] == [1, 0]
    assert worklist(doctor).rows[0].urgency == "urgent"


def test_a_visit_waits_once_and_in_its_own_clinic(doctor: Any, stranger: Any, model: Any) -> None:
    study, _lesions, _images = scenes.visit(doctor)
    for actor in (doctor, stranger):
        with pytest.raises(IntegrityError), clinic_context(actor.clinic_id):
            Waiting.objects.create(clinic_id=actor.clinic_id, study=study)
    assert listed(stranger) == set()
    assert listed(doctor) == {study.pk}


def test_asking_anew_costs_the_same_for_any_visit(doctor: Any, model: Any) -> None:
    small, _lesions, _images = scenes.visit(doctor)
    large, [lesion, *_rest], _images = scenes.visit(doctor, lesions=3)
    scenes.assess(doctor, large, lesion)
    counts = []
    for study in (small, large):
        with clinic_context(doctor.clinic_id), CaptureQueriesContext(connection) as captured:
            waiting.refresh([study.pk])
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 6


def test_the_migration_fills_in_what_the_rule_says(doctor: Any, stranger: Any, model: Any) -> None:
    scenes.visit(doctor)
    done, [lesion], _images = scenes.visit(doctor)
    scenes.assess(doctor, done, lesion)
    back, [lesion], _images = scenes.visit(doctor)
    withdraw(doctor, scenes.assess(doctor, back, lesion))
    loose, _lesions, _images = scenes.visit(stranger)
    scenes.image(stranger, loose)
    kept = {actor.name: listed(actor) for actor in (doctor, stranger)}
    assert [len(each) for each in kept.values()] == [2, 1]
    for actor in (doctor, stranger):
        with clinic_context(actor.clinic_id):
            Waiting.objects.all().delete()
    with acting_as("owner"), connection.cursor() as cursor:
        cursor.execute(import_module("reports.migrations.0006_waiting").FILL)
    assert {actor.name: listed(actor) for actor in (doctor, stranger)} == kept


@pytest.mark.parametrize("upgraded", [False, True])
def test_a_visit_is_listed_before_its_place_is_computed(
    doctor: Any, model: Any, upgraded: bool
) -> None:
    study, _lesions, [image] = scenes.visit(doctor, acquired_at=NOON)
    if upgraded:
        with clinic_context(doctor.clinic_id):
            Waiting.objects.all().delete()
        with acting_as("owner"), connection.cursor() as cursor:
            cursor.execute(import_module("reports.migrations.0006_waiting").FILL)
    row = waiting_of(doctor, study)
    assert row.stale
    # While the opinion is on its way, that is just where it stays.
    assert row.place == row.blinded_place == f"2100000020260301120000000000{study.pk}"
    assert [row.key for row in worklist(doctor).rows] == [row.place]
    assert not waiting_of(doctor, study).stale
    scenes.finish(doctor, image)
    assert [row.urgency for row in worklist(doctor).rows] == ["routine"]


def test_a_reader_computes_a_slice_and_sees_all(
    doctor: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade, the oldest first; what is not computed yet is listed nevertheless."""
    monkeypatch.setattr(waiting, "SLICE", 2)
    days = [NOON + timedelta(days=day) for day in (3, 1, 4, 2, 0)]
    visits = [scenes.visit(doctor, acquired_at=day) for day in days]
    for _study, _lesions, [image] in visits:
        scenes.finish(doctor, image)
    oldest = [study.pk for study, *_rest in sorted(visits, key=lambda row: row[0].acquired_at)]
    left = []
    for _look in range(4):
        rows = worklist(doctor).rows
        assert {row.study.pk for row in rows} == set(oldest)
        assert {row.study.pk for row in rows if row.urgency == "pending"} == stale(doctor)
        left.append(stale(doctor))
    assert left == [set(oldest[2:]), set(oldest[4:]), set(), set()]
    assert [row.study.pk for row in worklist(doctor).rows] == oldest


def test_the_sweep_mends_and_computes_in_slices_that_commit(
    doctor: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction holds more than a slice's locks; afterwards a reader finds nothing to do."""
    monkeypatch.setattr(waiting, "SLICE", 2)
    visits = [scenes.visit(doctor)[0].pk for _ in range(5)]
    with clinic_context(doctor.clinic_id):
        Waiting.objects.exclude(study=visits[0]).delete()
    contexts: list[int] = []

    @contextmanager
    def counted(clinic_id: Any) -> Any:
        with clinic_context(clinic_id), CaptureQueriesContext(connection) as captured:
            yield
        locks = [each for each in captured.captured_queries if "advisory" in each["sql"]]
        contexts.append(len(locks))

    monkeypatch.setattr(waiting, "clinic_context", counted)
    assert set(waiting.mend(doctor.clinic_id)) == set(visits[1:])
    assert contexts == [0, 2, 2, 0, 0, 0]
    assert stale(doctor) == set()
    assert listed(doctor) == set(visits)


FAILS = """
UPDATE inference_prediction SET status = 'failed', error = 'no memory', finished_at = now()
WHERE instance_id = %s
"""


@pytest.mark.django_db(transaction=True)
def test_who_reads_the_list_and_who_writes_answers_wait_for_each_other_never(doctor: Any) -> None:
    """A worker's answers come in any order, while the list is read and once it has been."""
    scenes.model()
    visits = [scenes.visit(doctor, acquired_at=NOON) for _ in range(2)]
    first, last = sorted(visits, key=lambda visit: str(waiting_of(doctor, visit[0]).pk))
    with closing(roles.connect("owner")) as worker, ThreadPoolExecutor(1) as at_once:
        cursor = worker.cursor()
        cursor.execute(FAILS, [str(last[2][0].pk)])
        with clinic_context(doctor.clinic_id):
            with connection.cursor() as ours:
                ours.execute("SET LOCAL lock_timeout = '3s'")
            assert {row.study.pk for row in worklist(doctor).rows} == {first[0].pk, last[0].pk}
            assert stale(doctor) == {last[0].pk}
            writing = at_once.submit(cursor.execute, FAILS, [str(first[2][0].pk)])
            wait_until(lambda: waits_for_a_lock(worker), what="the worker waits for the page")
        writing.result(timeout=20)
        worker.commit()
    assert stale(doctor) == {first[0].pk, last[0].pk}
    assert [row.urgency for row in worklist(doctor).rows] == ["no_opinion"] * 2
    assert stale(doctor) == set()


def waiting_of(doctor: Any, study: Any) -> Waiting:
    with clinic_context(doctor.clinic_id):
        return Waiting.objects.get(study=study)


def stale(doctor: Any) -> set[Any]:
    with clinic_context(doctor.clinic_id):
        return set(Waiting.objects.filter(stale=True).values_list("study_id", flat=True))


def waits_for_a_lock(other: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [other.info.backend_pid])
        return bool(cursor.fetchone()[0])
