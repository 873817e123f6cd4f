"""The review page's view of a visit."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dermaclinic.errors import NotFound
from reports.selectors import review
from reports.services.claims import claim_study
from reports.services.composing import compose
from reports.services.signing import sign
from tests import factories
from tests.reports import scenes


def test_a_visit_with_its_lesions_opinions_and_earlier_visits(doctor: Any) -> None:
    scenes.model()
    before, [lesion], [old] = scenes.visit(doctor, acquired_at=timezone.now() - timedelta(days=90))
    scenes.finish(doctor, old)
    earlier = scenes.assess(doctor, before, lesion, management="excise")
    study = factories.study(doctor, before.patient)
    image = scenes.image(doctor, study, lesion)
    loose = scenes.image(doctor, study)
    opinion = scenes.finish(doctor, image, malignant=0.4)
    claim_study(actor=doctor, study_id=study.pk)
    first = scenes.assess(doctor, study, lesion)
    second = scenes.assess(doctor, study, lesion, management="excise")

    found = review(doctor, study.pk)

    assert (found.study, found.patient, found.opted_out) == (study, before.patient, False)
    assert found.claim and found.claim.doctor == doctor.user
    [row] = found.lesions
    assert (row.lesion, row.opinion, row.state) == (lesion, opinion, "ready")
    assert [each.instance for each in row.images] == [image]
    assert row.history == [second, first]
    assert row.assessment == second
    assert not row.open
    assert [each.instance for each in found.unassigned] == [loose]
    [visit] = row.earlier
    assert (visit.study, visit.assessment) == (before, earlier)
    assert [each.instance for each in visit.images] == [old]
    assert found.pending, "the loose image's opinion is still to come"
    assert found.ready_to_report == [second]
    assert scenes.events(doctor, "study.viewed", object_id=str(study.pk)) == 1


def test_what_is_signed_is_not_to_be_reported_again(doctor: Any) -> None:
    study, [one, two], _images = scenes.visit(doctor, lesions=2)
    done = scenes.assess(doctor, study, one)
    report = compose(actor=doctor, assessment_ids=[done.pk])
    sign(actor=doctor, report_id=report.pk, password=factories.PASSWORD)
    waiting = scenes.assess(doctor, study, two)
    found = review(doctor, study.pk)
    assert found.reports == [report]
    assert found.ready_to_report == [waiting]


def test_an_open_page_that_asks_again_is_one_look(doctor: Any) -> None:
    study, _lesions, _images = scenes.visit(doctor)
    review(doctor, study.pk)
    review(doctor, study.pk, again=True)
    assert scenes.events(doctor, "study.viewed") == 1


def test_more_lesions_cost_no_more_queries(doctor: Any) -> None:
    scenes.model()

    def queries(study: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            review(doctor, study.pk)
        return len(captured)

    small, _lesions, _images = scenes.visit(doctor)
    large, lesions, _images = scenes.visit(doctor, lesions=4)
    for lesion in lesions:
        scenes.assess(doctor, large, lesion)
    assert queries(large) == queries(small) <= 18


def test_another_clinics_visit_does_not_exist(doctor: Any, stranger: Any) -> None:
    study, _lesions, _images = scenes.visit(doctor)
    with pytest.raises(NotFound):
        review(stranger, study.pk)
    assert scenes.events(doctor, "study.viewed") == 0
