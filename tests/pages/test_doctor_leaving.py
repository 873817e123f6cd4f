"""On to the next visit: what becomes of the one that is left."""

from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.tenancy import clinic_context
from reports.models import Claim
from reports.services.claims import CLAIM_LASTS, claim_study, live
from tests import factories
from tests.database import acting_as
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def test_going_on_gives_back_what_one_leaves_untouched(doctors: Client, doctor: Any) -> None:
    """Leafing through the list takes one visit at a time, not all of it."""
    visits = [scenes.visit(doctor)[0].pk for _ in range(3)]
    here = ""
    for following in [*visits, visits[0]]:
        answer = doctors.post(reverse("reports:next"), {"from": here})
        assert answer.url == reverse("reports:review", args=[following])
        here = str(following)
        assert claimed(doctor) == {following}
    assert scenes.events(doctor, "study.claimed") == 4
    assert scenes.events(doctor, "study.released") == 3
    assert scenes.events(doctor, "study.released", object_id=visits[0]) == 1


def test_going_on_keeps_what_was_begun_and_what_is_a_colleagues(
    doctors: Client, doctor: Any, clinic: Any, stranger: Any
) -> None:
    begun, [lesion, _other], _images = scenes.visit(doctor, lesions=2)
    untouched, theirs, *_rest = (scenes.visit(doctor)[0] for _ in range(4))
    elsewhere = scenes.visit(stranger)[0]
    claim_study(actor=doctor, study_id=begun.pk)
    scenes.assess(doctor, begun, lesion)
    claim_study(actor=factories.actor(clinic, "doctor"), study_id=theirs.pk)
    claim_study(actor=stranger, study_id=elsewhere.pk)
    for left in (begun, theirs, elsewhere):
        assert doctors.post(reverse("reports:next"), {"from": str(left.pk)}).status_code == 302
    assert {begun.pk, untouched.pk, theirs.pk} <= claimed(doctor)
    assert claimed(stranger) == {elsewhere.pk}
    assert scenes.events(doctor, "study.released") == 0
    # An earlier sitting's assessment is none of this one's.
    claim_study(actor=doctor, study_id=begun.pk)
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        Claim.objects.filter(study=begun).update(expires_at=Now() + 2 * CLAIM_LASTS)
    scenes.visit(doctor)
    doctors.post(reverse("reports:next"), {"from": str(begun.pk)})
    assert begun.pk not in claimed(doctor)


def test_where_no_visit_follows_one_keeps_this(doctors: Client, doctor: Any) -> None:
    here, *_rest = scenes.visit(doctor)
    claim_study(actor=doctor, study_id=here.pk)
    assert doctors.post(reverse("reports:next"), {"from": str(here.pk)}).url == reverse(
        "reports:worklist"
    )
    assert claimed(doctor) == {here.pk}


def claimed(actor: Any) -> set[Any]:
    with clinic_context(actor.clinic_id):
        return set(live().values_list("study_id", flat=True))
