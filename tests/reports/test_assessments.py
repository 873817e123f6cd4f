"""Recording a judgement: agreement, versions, and every refusal without a trace."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from patients.services import record_consents
from reports.models import Assessment
from reports.services.claims import claim_study
from tests import factories
from tests.database import acting_as
from tests.reports import scenes
from tests.reports.scenes import BOWEN, DYSPLASTIC, KERATOSIS, MELANOMA, NEVUS, SCC

TOMORROW = timezone.localdate() + timedelta(days=1)


@pytest.fixture
def scene(doctor: Any) -> Any:
    """(study, lesion, image) whose opinion says nevus, then melanoma, then keratosis."""
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, first={"nv": 0.6, "mel": 0.2, "bkl": 0.1})
    return study, lesion, image


@pytest.mark.parametrize(
    ("code", "agreement"),
    [
        (NEVUS, "agrees"),
        (DYSPLASTIC, "agrees"),
        (MELANOMA, "partly"),
        (KERATOSIS, "partly"),
        (BOWEN, "differs"),
        (SCC, "differs"),
    ],
)
def test_agreement_is_computed_from_the_first_diagnosis(
    doctor: Any, scene: Any, code: str, agreement: str
) -> None:
    study, lesion, image = scene
    others = [each for each in (NEVUS, MELANOMA) if each != code]
    made = scenes.assess(doctor, study, lesion, code, *others, reason="Ulcerated.")
    assert made.agreement == agreement
    assert (made.opinion.instance_id, made.opinion_state) == (image.pk, "ready")
    assert (made.images, made.version, made.author) == ([image.pk], 1, doctor.user)
    assert scenes.events(doctor, "assessment.recorded", object_id=str(made.pk)) == 1


@pytest.mark.parametrize(
    ("code", "agreement"), [(SCC, "agrees"), (NEVUS, "partly"), (MELANOMA, "differs")]
)
def test_a_network_names_its_classes_in_its_own_way(doctor: Any, code: str, agreement: str) -> None:
    """Six classes for photographs, one of which the dermoscopic network does not have."""
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    lines = [
        {"key": key, "code": its, "display": key, "probability": share}
        for key, its, share in (("scc", SCC, 0.6), ("nev", NEVUS, 0.3), ("sek", KERATOSIS, 0.1))
    ]
    scenes.finish(doctor, image, result={"differential": lines})
    made = scenes.assess(doctor, study, lesion, code, reason="Ulcerated.")
    assert made.agreement == agreement


def test_departing_from_the_opinion_needs_a_reason(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    scenes.sighted(doctor)
    with pytest.raises(Invalid) as refused:
        scenes.assess(doctor, study, lesion, BOWEN, reason="  ")
    assert "reason" in refused.value.errors
    assert scenes.count(doctor, Assessment) == 0
    assert scenes.events(doctor, "assessment.recorded") == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"diagnoses": []}, "diagnoses"),
        ({"diagnoses": [NEVUS, MELANOMA, KERATOSIS, BOWEN]}, "diagnoses"),
        ({"diagnoses": [NEVUS, NEVUS]}, "diagnoses"),
        ({"diagnoses": ["12345678"]}, "diagnoses"),
        ({"management": "pray"}, "management"),
        ({"management": "monitor"}, "due"),
        ({"management": "monitor", "due": timezone.localdate()}, "due"),
        ({"management": "excise", "due": TOMORROW}, "due"),
        ({"two_step": "both"}, "two_step"),
        ({"algorithm": "dice"}, "algorithm"),
    ],
)
def test_what_makes_no_sense_is_refused(
    doctor: Any, scene: Any, change: dict[str, Any], field: str
) -> None:
    study, lesion, _image = scene
    with pytest.raises(Invalid) as refused:
        scenes.assess(doctor, study, lesion, **change)
    assert list(refused.value.errors) == [field]
    assert scenes.count(doctor, Assessment) == 0


def test_monitoring_keeps_its_date_and_the_words_of_the_report(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    made = scenes.assess(
        doctor, study, lesion, management="monitor", due=TOMORROW, two_step="melanocytic",
        description=" Typical network. ", algorithm="abcd", comment="None.",
    )  # fmt: skip
    with clinic_context(doctor.clinic_id):
        kept = Assessment.objects.get(pk=made.pk)
    assert (kept.due, kept.description, kept.two_step) == (
        TOMORROW, "Typical network.", "melanocytic",
    )  # fmt: skip


def test_a_lesion_without_an_image_in_the_visit_is_refused(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    elsewhere = factories.lesion(doctor, study.patient)
    for other in (elsewhere, factories.lesion(doctor, factories.patient(doctor))):
        with pytest.raises(Invalid) as refused:
            scenes.assess(doctor, study, other)
        assert "lesion" in refused.value.errors
    later = factories.study(doctor, study.patient)
    with pytest.raises(Invalid):
        scenes.assess(doctor, later, lesion)
    assert scenes.count(doctor, Assessment) == 0


def test_only_doctors_of_the_clinic_assess(technician: Any, stranger: Any, scene: Any) -> None:
    study, lesion, _image = scene
    refusals: list[tuple[Any, type[DomainError]]] = [
        (technician, Forbidden), (stranger, NotFound),
    ]  # fmt: skip
    for actor, refusal in refusals:
        with pytest.raises(refusal):
            scenes.assess(actor, study, lesion)
    assert scenes.count(technician, Assessment) == 0


def test_another_doctors_claim_is_respected(clinic: Any, doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    colleague = factories.actor(clinic, "doctor")
    claim_study(actor=colleague, study_id=study.pk)
    with pytest.raises(Conflict):
        scenes.assess(doctor, study, lesion)
    assert scenes.count(doctor, Assessment) == 0
    assert scenes.assess(colleague, study, lesion).version == 1


def test_a_double_click_is_one_assessment_and_a_change_a_new_version(
    clinic: Any, doctor: Any, scene: Any
) -> None:
    study, lesion, _image = scene
    first = scenes.assess(doctor, study, lesion)
    assert scenes.assess(doctor, study, lesion).pk == first.pk
    assert scenes.events(doctor, "assessment.recorded") == 1
    second = scenes.assess(doctor, study, lesion, management="excise")
    third = scenes.assess(factories.actor(clinic, "doctor"), study, lesion, management="excise")
    assert [first.version, second.version, third.version] == [1, 2, 3]
    image = scenes.image(doctor, study, lesion)
    fourth = scenes.assess(doctor, study, lesion, management="excise")
    assert image.pk in fourth.images
    assert scenes.count(doctor, Assessment, lesion=lesion) == 4


@pytest.mark.parametrize("status", ["queued", "declined", "failed", "superseded", None])
def test_a_lesion_without_an_opinion_is_assessed_like_any_other(
    doctor: Any, status: str | None
) -> None:
    study, [lesion], [image] = scenes.visit(doctor)
    if status:
        scenes.finish(doctor, image, status=status)
    made = scenes.assess(doctor, study, lesion, SCC)
    states = {"queued": "pending", "superseded": "missing", None: "missing"}
    assert (made.agreement, made.opinion) == ("no_opinion", None)
    assert made.opinion_state == states.get(status, status)


def test_a_patients_no_makes_an_opinion_no_opinion(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    record_consents(actor=doctor, patient_id=study.patient_id, decisions={"ai_opinion": False})
    made = scenes.assess(doctor, study, lesion, SCC)
    assert (made.opinion_state, made.agreement) == ("opted_out", "no_opinion")


def test_the_worst_of_the_newest_opinions_counts(doctor: Any, scene: Any) -> None:
    study, lesion, image = scene
    worse = scenes.image(doctor, study, lesion)
    scenes.finish(doctor, worse, first={"mel": 0.8}, malignant=0.9, triage="urgent")
    assert scenes.assess(doctor, study, lesion, MELANOMA).opinion.instance_id == worse.pk
    # Read again, it is declined: what was ready before no longer counts.
    scenes.finish(doctor, worse, status="declined")
    assert scenes.assess(doctor, study, lesion).opinion.instance_id == image.pk


def test_the_database_refuses_what_the_service_would_not_write(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    made = scenes.assess(doctor, study, lesion)
    wrong: list[dict[str, Any]] = [
        {"diagnoses": []},
        {"management": "monitor"},
        {"due": TOMORROW},
        {"agreement": "differs", "reason": "", "blinded": False},
        {"opinion": None},
        {"opinion_state": "declined"},
        {"images": []},
        {"version": 1},
        {"lesion": factories.lesion(doctor, factories.patient(doctor))},
    ]
    with clinic_context(doctor.clinic_id):
        for change in wrong:
            copy = Assessment.objects.get(pk=made.pk)
            copy.pk, copy.version = None, 2
            copy._state.adding = True
            for name, value in change.items():
                setattr(copy, name, value)
            with pytest.raises(IntegrityError), transaction.atomic():
                copy.save(force_insert=True)
        assert Assessment.objects.count() == 1


def test_an_assessment_is_never_changed(doctor: Any, scene: Any) -> None:
    study, lesion, _image = scene
    made = scenes.assess(doctor, study, lesion)
    with clinic_context(doctor.clinic_id):
        with pytest.raises(DatabaseError), transaction.atomic():
            Assessment.objects.filter(pk=made.pk).update(reason="changed")
        with acting_as("owner"), pytest.raises(DatabaseError, match="never changed"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("DELETE FROM reports_assessment")
        assert Assessment.objects.get(pk=made.pk).reason == ""
