"""First impressions: recorded before the opinion is seen, kept or changed after it."""

from typing import Any

import pytest
from django.urls import reverse

from dermaclinic import audit
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Invalid
from inference.models import Prediction
from reports import pdf, veil
from reports.models import Assessment, Report
from reports.services.assessments import keep_assessment
from reports.services.composing import compose
from reports.services.signing import sign
from tests import factories
from tests.api.calling import as_member
from tests.pages.conftest import browser
from tests.patients.merging import merge
from tests.reports import scenes
from tests.reports.scenes import DYSPLASTIC, MELANOMA, NEVUS, SCC


@pytest.fixture
def scene(doctor: Any) -> Any:
    """(study, lesion, image) whose opinion says nevus, then melanoma, then keratosis."""
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, first={"nv": 0.6, "mel": 0.2, "bkl": 0.1})
    return study, lesion, image


def hidden(actor: Any, image: Any) -> bool:
    with clinic_context(actor.clinic_id):
        return image.pk in veil.hidden(actor, [image])


def recorded(actor: Any, made: Assessment) -> dict[str, Any]:
    """What the audit says of a recording."""
    with clinic_context(actor.clinic_id):
        return Event.objects.get(action="assessment.recorded", object_id=str(made.pk)).detail


def changed(actor: Any, made: Assessment) -> bool:
    with clinic_context(actor.clinic_id):
        return veil.changed_mind(made, veil.first_impression(made))


def test_the_first_one_is_blinded_needs_no_reason_and_opens(
    clinic: Any, doctor: Any, scene: Any
) -> None:
    study, lesion, image = scene
    colleague = factories.actor(clinic, "doctor")
    assert hidden(doctor, image)
    made = scenes.assess(doctor, study, lesion, SCC)
    assert (made.blinded, made.agreement, made.reason) == (True, "differs", "")
    assert not hidden(doctor, image)
    assert not hidden(colleague, image), "whoever records opens it for everybody"
    detail = recorded(doctor, made)
    assert detail == {"version": 1, "agreement": "differs", "blinded": True}


def test_technicians_and_a_clinic_that_shows_at_once_are_not_blinded(
    technician: Any, doctor: Any, scene: Any
) -> None:
    study, lesion, image = scene
    assert not hidden(technician, image)
    scenes.sighted(doctor)
    assert not hidden(doctor, image)
    assert not scenes.assess(doctor, study, lesion).blinded


def test_without_the_floor_above_everything_stays_closed(
    doctor: Any, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, lesion, image = scene
    scenes.assess(doctor, study, lesion)
    monkeypatch.setattr("inference.veil.opened_by", [])
    assert hidden(doctor, image)


def test_an_image_of_another_patient_opens_nothing(doctor: Any, scene: Any) -> None:
    _study, _lesion, image = scene
    other, [lesion], _images = scenes.visit(doctor)
    scenes.assess(doctor, other, lesion)
    assert hidden(doctor, image)


def test_in_sight_of_the_opinion_a_departure_needs_its_reason(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    scenes.assess(doctor, study, lesion)
    with pytest.raises(Invalid) as refused:
        scenes.assess(doctor, study, lesion, SCC)
    assert list(refused.value.errors) == ["reason"]
    assert scenes.count(doctor, Assessment) == 1
    assert scenes.events(doctor, "assessment.recorded") == 1


def test_keeping_is_a_new_version_with_a_reason(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion, SCC, comment="Scale.", management="excise")
    kept = keep_assessment(actor=doctor, assessment_id=first.pk, reason=" Ulcerated. ")
    assert (kept.version, kept.blinded, kept.reason) == (2, False, "Ulcerated.")
    assert (kept.diagnoses, kept.management, kept.comment) == ([SCC], "excise", "Scale.")
    assert not changed(doctor, kept)
    assert recorded(doctor, kept)["first_impression"] == 1
    assert recorded(doctor, kept)["changed_mind"] is False
    with clinic_context(doctor.clinic_id):
        assert veil.first_impression(kept) == first
        assert veil.first_impressions([first, kept]) == {kept.pk: first}
        assert veil.first_impression(first) is None


def test_a_change_of_mind_is_recorded_as_one(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion, SCC)
    second = scenes.assess(doctor, study, lesion, MELANOMA)
    assert (second.version, second.blinded, second.agreement) == (2, False, "partly")
    assert changed(doctor, second)
    assert recorded(doctor, second)["changed_mind"] is True
    back = scenes.assess(doctor, study, lesion, SCC, reason="After all.")
    assert not changed(doctor, back), "compared with the first impression, not with the last word"
    with clinic_context(doctor.clinic_id):
        assert veil.first_impression(back) == first


def test_another_doctors_judgement_is_no_change_of_mind(
    clinic: Any, doctor: Any, scene: Any
) -> None:
    study, lesion, _image = scene
    scenes.assess(doctor, study, lesion)
    colleague = factories.actor(clinic, "doctor")
    theirs = scenes.assess(colleague, study, lesion, MELANOMA)
    assert not theirs.blinded
    assert not changed(doctor, theirs)
    assert "changed_mind" not in recorded(doctor, theirs)


def test_what_cannot_be_kept(clinic: Any, doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion, SCC)
    colleague = factories.actor(clinic, "doctor")
    with pytest.raises(Conflict, match="another doctor's"):
        keep_assessment(actor=colleague, assessment_id=first.pk, reason="Scale.")
    with pytest.raises(Invalid):
        keep_assessment(actor=doctor, assessment_id=first.pk, reason="  ")
    assert scenes.count(doctor, Assessment) == 1
    kept = keep_assessment(actor=doctor, assessment_id=first.pk, reason="Scale.")
    with pytest.raises(Conflict, match="assessed anew"):
        keep_assessment(actor=doctor, assessment_id=first.pk, reason="Scale.")
    with pytest.raises(Conflict, match="it stands"):
        keep_assessment(actor=doctor, assessment_id=kept.pk, reason="Scale.")
    assert scenes.count(doctor, Assessment) == 2


def test_saying_the_same_with_its_reason_confirms(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion, SCC, reason="Scale.")
    assert (first.blinded, first.version) == (True, 1)
    again = scenes.assess(doctor, study, lesion, SCC, reason="Scale.")
    assert (again.blinded, again.version) == (False, 2)
    assert scenes.assess(doctor, study, lesion, SCC, reason="Scale.") == again, "a double click"


def test_a_later_image_is_judged_blind_again(doctor: Any, scene: Any) -> None:
    study, lesion, image = scene
    scenes.assess(doctor, study, lesion)
    later = scenes.image(doctor, study, lesion)
    scenes.finish(doctor, later, first={"mel": 0.9}, malignant=0.9, triage="urgent")
    assert not hidden(doctor, image)
    assert hidden(doctor, later)
    made = scenes.assess(doctor, study, lesion, DYSPLASTIC)
    assert made.opinion.instance_id == later.pk
    assert made.blinded


@pytest.mark.parametrize(
    ("status", "blinded"), [("queued", True), ("declined", False), ("failed", False), (None, False)]
)
def test_where_there_is_no_opinion_there_is_nothing_to_be_blind_to(
    doctor: Any, status: str | None, blinded: bool
) -> None:
    study, [lesion], [image] = scenes.visit(doctor)
    if status:
        scenes.finish(doctor, image, status=status)
    assert scenes.assess(doctor, study, lesion, SCC).blinded is blinded


def test_who_has_read_the_opinion_otherwise_is_not_blinded(doctor: Any, scene: Any) -> None:
    """By a token, say, which the veil does not stop: the audit knows."""
    study, lesion, image = scene
    with clinic_context(doctor.clinic_id):
        opinion = Prediction.objects.select_related("instance").get(instance=image)
        audit.viewed_prediction(doctor, opinion, veiled=True)
    assert scenes.assess(doctor, study, lesion, MELANOMA).blinded, "urgent or routine, no more"
    later = scenes.image(doctor, study, lesion)
    scenes.finish(doctor, later, first={"nv": 0.9}, triage="urgent")
    with clinic_context(doctor.clinic_id):
        opinion = Prediction.objects.select_related("instance").get(instance=later)
        audit.viewed_prediction(doctor, opinion)
    with pytest.raises(Invalid):
        scenes.assess(doctor, study, lesion, SCC)
    assert not scenes.assess(doctor, study, lesion, SCC, reason="Scale.").blinded


def test_a_report_waits_for_the_confirmation(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion, SCC)
    with pytest.raises(Conflict, match="differs from your first impression"):
        compose(actor=doctor, assessment_ids=[first.pk])
    assert scenes.count(doctor, Report) == 0
    kept = keep_assessment(actor=doctor, assessment_id=first.pk, reason="Scale.")
    assert compose(actor=doctor, assessment_ids=[kept.pk]).status == "draft"


def test_a_report_tells_what_was_thought_first(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    scenes.assess(doctor, study, lesion, SCC, management="excise")
    made = scenes.assess(doctor, study, lesion, NEVUS)
    draft = compose(actor=doctor, assessment_ids=[made.pk])
    report = sign(actor=doctor, report_id=draft.pk, password=factories.PASSWORD)
    content = scenes.stored(doctor, report).content
    assert content is not None
    [told] = content["lesions"]
    first = told["assessment"]["first_impression"]
    assert (first["version"], first["changed_mind"]) == (1, True)
    assert [each["code"] for each in first["diagnoses"]] == [SCC]
    assert first["management"] == "Biopsy or excise"
    page = pdf.page(content, {}, content_sha256=report.content_sha256, signing_event=1)
    assert "Recorded before the opinion was seen, and changed after it." in page
    assert "Squamous cell carcinoma of skin; Biopsy or excise" in page


def test_a_first_impression_that_agrees_is_final(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    for code in (NEVUS, MELANOMA):
        assert not veil.unconfirmed(scenes.assess(doctor, study, lesion, code))


def test_a_merge_makes_nobody_blinded_again(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    with clinic_context(doctor.clinic_id):
        audit.viewed_prediction(doctor, Prediction.objects.select_related("instance").get())
    survivor = scenes.visit(doctor)[0].patient
    merge(doctor, survivor, study.patient)
    assert not scenes.assess(doctor, study, lesion, reason="Its network.").blinded


def test_who_read_a_probability_in_the_worklist_is_not_blinded(
    clinic: Any, doctor: Any, scene: Any
) -> None:
    study, lesion, _image = scene
    assert browser(doctor).get(reverse("reports:worklist")).status_code == 200
    assert scenes.events(doctor, "worklist.viewed", detail__has_key="unveiled") == 0
    other = factories.actor(clinic, "doctor")
    answer = as_member(other).get("/api/v1/worklist/").json()
    assert answer["results"][0]["malignant_probability"] is not None
    assert not scenes.assess(other, study, lesion, reason="Its network.").blinded
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, first={"nv": 0.6})
    assert scenes.assess(other, study, lesion).blinded, "another visit"
