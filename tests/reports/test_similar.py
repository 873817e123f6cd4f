"""Similar cases: whose images may stand beside an opinion, the nearest, and what is written."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import record
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden, NotFound
from inference.models import Prediction
from patients.services import record_consents
from reports.models import Histology
from reports.selectors.similar import FEWEST, similar
from reports.services.histology import record_histology
from tests import factories, opinions
from tests.database import acting_as
from tests.reports import scenes
from tests.reports.confirmed import cases, opinion, towards

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _sighted(doctor: Any) -> None:
    """What comes before the panel opens is tested with what is blinded."""
    scenes.sighted(doctor)


@pytest.fixture
def denials(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What was written past any rollback, instead of through a second connection."""
    written: list[Event] = []
    monkeypatch.setattr(record, "write_past_rollback", written.append)
    return written


def shown(found: Any) -> list[Any]:
    """The images of all groups, in their order."""
    return [case.instance for _code, group in found.groups for case in group]


def enough(doctor: Any, *, but: int = 0) -> list[Any]:
    """Far nevi, as many as are needed."""
    return cases(doctor, FEWEST - but, diagnosis=scenes.NEVUS, angle=40)


def test_one_too_few_and_none_is_shown(doctor: Any) -> None:
    asked = opinion(doctor)
    cases(doctor, FEWEST - 1)
    found = similar(doctor, asked.pk)
    assert (found.count, found.enough, found.groups) == (49, False, [])
    with clinic_context(doctor.clinic_id):
        assert Event.objects.get(action="similar.viewed").detail == {"shown": [], "instances": []}


def test_with_fifty_the_nearest_of_each_likely_diagnosis(doctor: Any) -> None:
    asked = opinion(doctor)
    nevi = cases(doctor, 46, diagnosis=scenes.NEVUS, angle=20)
    melanomas = cases(doctor, 3, angle=10)
    [finer] = cases(doctor, 1, diagnosis="109266006", angle=11.5)
    found = similar(doctor, asked.pk)
    assert (found.count, found.enough) == (50, True)
    groups = {code: [case.instance for case in group] for code, group in found.groups}
    assert groups == {
        scenes.MELANOMA: [melanomas[0].pk, melanomas[1].pk, finer.pk],
        scenes.NEVUS: [nevi[0].pk, nevi[1].pk, nevi[2].pk],
        scenes.KERATOSIS: [],
    }
    assert found.groups[0][1][2].diagnosis == "109266006"


def test_the_look_is_written_down_for_everybody_shown(doctor: Any) -> None:
    asked = opinion(doctor)
    nearest = enough(doctor)[:3]
    similar(doctor, asked.pk)
    with clinic_context(doctor.clinic_id):
        event = Event.objects.get(action="similar.viewed")
    assert (event.object_id, event.patient_id) == (str(asked.pk), asked.instance.patient_id)
    assert event.detail["instances"] == [str(each.pk) for each in nearest]
    assert event.detail["shown"] == sorted(str(each.patient_id) for each in nearest)


def test_nothing_of_the_patients_own(doctor: Any) -> None:
    asked = opinion(doctor)
    enough(doctor, but=1)
    with clinic_context(doctor.clinic_id):
        patient = asked.instance.patient
    own = cases(doctor, 3, angle=0, patient=patient)
    assert similar(doctor, asked.pk).count == 49
    cases(doctor, 1, diagnosis=scenes.NEVUS, angle=89)
    found = similar(doctor, asked.pk)
    assert (found.count, len(shown(found))) == (50, 3)
    assert not {each.pk for each in own} & set(shown(found))


def test_nothing_of_another_clinic(doctor: Any, stranger: Any, denials: list[Event]) -> None:
    asked = opinion(doctor)
    cases(stranger, FEWEST, angle=0)
    assert similar(doctor, asked.pk).count == 0
    ours = enough(doctor)
    assert set(shown(similar(doctor, asked.pk))) == {each.pk for each in ours[:3]}
    with pytest.raises(NotFound):
        similar(stranger, asked.pk)
    assert scenes.events(stranger, "similar.viewed") == 0
    assert [(each.action, each.clinic_id) for each in denials] == [
        ("access.not_found", stranger.clinic_id)
    ]


@pytest.mark.parametrize("purpose", ["comparison", "ai_opinion", "care"])
def test_a_consent_withdrawn_is_gone_at_once(doctor: Any, purpose: str) -> None:
    asked = opinion(doctor)
    nearest, *_rest = enough(doctor)
    cases(doctor, 1, diagnosis=scenes.NEVUS, angle=89)
    assert nearest.pk in shown(similar(doctor, asked.pk))
    record_consents(actor=doctor, patient_id=nearest.patient_id, decisions={purpose: False})
    found = similar(doctor, asked.pk)
    assert found.count == 50
    assert nearest.pk not in shown(found)
    record_consents(actor=doctor, patient_id=nearest.patient_id, decisions={purpose: True})
    assert nearest.pk in shown(similar(doctor, asked.pk))


def test_consent_to_everything_else_is_none(doctor: Any) -> None:
    asked = opinion(doctor)
    enough(doctor, but=1)
    willing = factories.patient(doctor, consent=False)
    record_consents(
        actor=doctor, patient_id=willing.pk,
        decisions=dict.fromkeys(["care", "ai_opinion", "teaching", "research"], True),
    )  # fmt: skip
    cases(doctor, 1, patient=willing)
    assert similar(doctor, asked.pk).count == 49
    record_consents(actor=doctor, patient_id=willing.pk, decisions={"comparison": True})
    assert similar(doctor, asked.pk).count == 50


def test_embeddings_of_another_model_are_not_compared(doctor: Any) -> None:
    asked = opinion(doctor)
    other = opinions.model("2", active=False)
    theirs = cases(doctor, FEWEST, angle=0, model=other)
    assert similar(doctor, asked.pk).count == 0
    enough(doctor)
    found = similar(doctor, asked.pk)
    assert found.count == 50
    assert not {each.pk for each in theirs} & set(shown(found))


def test_what_a_model_said_in_the_shadow_is_not_compared(doctor: Any) -> None:
    asked = opinion(doctor)
    enough(doctor, but=1)
    [image] = cases(doctor, 1, stored=False)
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        row = Prediction.objects.get(instance=image)
        row.pk, row.shadow, row.embedding = uuid.uuid4(), True, towards(0)
        row.save(force_insert=True)
    assert similar(doctor, asked.pk).count == 49


def test_only_the_version_of_a_result_that_holds_counts(doctor: Any) -> None:
    asked = opinion(doctor)
    nearest, *_rest = enough(doctor)
    fields = {"actor": doctor, "lesion_id": nearest.lesion_id, "reason": "Read again."}
    today = timezone.localdate()
    record_histology(**fields, diagnosis=scenes.MELANOMA, reported_on=today)
    groups = dict(similar(doctor, asked.pk).groups)
    assert [case.instance for case in groups[scenes.MELANOMA]] == [nearest.pk]
    record_histology(**fields, diagnosis="", reported_on=today)
    found = similar(doctor, asked.pk)
    assert (found.count, found.groups) == (49, [])


def test_an_image_from_after_the_report_may_show_the_scar(doctor: Any) -> None:
    asked = opinion(doctor)
    nearest, *_rest = enough(doctor)
    record_histology(
        actor=doctor, lesion_id=nearest.lesion_id, diagnosis=scenes.NEVUS, reason="Wrong day.",
        reported_on=timezone.localdate() - timedelta(days=1),
    )  # fmt: skip
    assert similar(doctor, asked.pk).count == 49


def test_several_images_of_a_lesion_are_one_case(doctor: Any) -> None:
    asked = opinion(doctor)
    first, second, *_rest = enough(doctor)
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        kept = Histology.objects.get(lesion=first.lesion_id)
        type(first).objects.filter(pk=second.pk).update(
            lesion=kept.lesion_id, patient=kept.patient_id, study=first.study_id
        )
    found = similar(doctor, asked.pk)
    assert found.count == 49
    cases(doctor, 1, diagnosis=scenes.NEVUS, angle=89)
    images = shown(similar(doctor, asked.pk))
    assert (len(images), first.pk in images, second.pk in images) == (3, True, False)


def test_an_opinion_without_an_embedding_says_so(doctor: Any) -> None:
    asked = opinion(doctor, angle=None)
    enough(doctor)
    found = similar(doctor, asked.pk)
    assert (found.comparable, found.groups) == (False, [])


@pytest.mark.parametrize("status", ["declined", "failed", "queued"])
def test_no_opinion_no_cases(doctor: Any, status: str) -> None:
    asked = opinion(doctor, angle=None, status=status)
    with pytest.raises(NotFound):
        similar(doctor, asked.pk)


def test_nor_for_a_patient_who_wants_no_opinion(doctor: Any) -> None:
    asked = opinion(doctor)
    enough(doctor)
    patient = asked.instance.patient_id
    record_consents(actor=doctor, patient_id=patient, decisions={"ai_opinion": False})
    with pytest.raises(NotFound):
        similar(doctor, asked.pk)
    assert scenes.events(doctor, "similar.viewed") == 0


@pytest.mark.parametrize("role", ["technician", "administrator"])
def test_for_doctors_only(request: Any, doctor: Any, role: str, denials: list[Event]) -> None:
    asked = opinion(doctor)
    with pytest.raises(Forbidden):
        similar(request.getfixturevalue(role), asked.pk)
    assert scenes.events(doctor, "similar.viewed") == 0
    assert [(each.action, each.role) for each in denials] == [("access.denied", role)]
