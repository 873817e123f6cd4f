"""The demo's cast comes in through the product's own doors, and a second run finds everything."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from demo import folder, seeding
from demo.people import patients
from dermaclinic.accounts.tenancy import acting_as, clinic_context
from dermaclinic.audit.models import Event
from imaging.models import Instance
from inference.models import Prediction
from patients.models import Patient
from reports.models import Assessment, Report
from tests.factories import PASSWORD

TODAY = date(2026, 3, 2)


@pytest.fixture
def seeded(db: None) -> tuple[Any, Any, Any]:
    """One patient with at least two visits, brought in and reviewed."""
    with acting_as("owner"):
        made = seeding.clinics(PASSWORD)
    people = patients(12, today=TODAY)
    number = next(n for n, p in enumerate(people) if len(p.visits) > 1 and p.consents.ai_opinion)
    case = seeding.drawn_cases(12, today=TODAY)[number]
    clinic = made[case.clinic]
    technician, doctor = (seeding.actor(clinic, role) for role in ("technician", "doctor"))
    uploaded = seeding.bring_in(case, technician)
    assert uploaded == sum(visit.size for visit in case.visits)
    seeding.review_past(case, doctor, password=PASSWORD)
    return case, technician, doctor


def test_images_are_admitted_and_past_visits_signed(seeded: Any) -> None:
    case, technician, _ = seeded
    with clinic_context(technician.clinic_id):
        patient = Patient.objects.get(mrn=case.identity["mrn"])
        assert patient.studies.count() == len(case.visits)
        assert Report.objects.filter(status="signed").count() == len(case.visits) - 1
        assert Assessment.objects.exists()
        admitted = Event.objects.filter(action="image.admitted").count()
        assert admitted == Instance.objects.count() == sum(v.size for v in case.visits)


def test_a_second_run_changes_nothing(seeded: Any) -> None:
    case, technician, doctor = seeded
    with clinic_context(technician.clinic_id):
        before = [m.objects.count() for m in (Patient, Instance, Prediction, Assessment, Report)]
    assert seeding.bring_in(case, technician) == 0
    seeding.review_past(case, doctor, password=PASSWORD)
    with clinic_context(technician.clinic_id):
        after = [m.objects.count() for m in (Patient, Instance, Prediction, Assessment, Report)]
    assert after == before


def test_both_clinics_say_that_they_are_synthetic(db: None) -> None:
    with acting_as("owner"):
        made = seeding.clinics(PASSWORD)
        again = seeding.clinics(PASSWORD)
    assert all(clinic.synthetic for clinic in made.values())
    assert json.dumps(sorted(made)) == json.dumps(sorted(again))


def test_a_folder_of_real_images_becomes_invented_patients(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "ISIC_1.jpg").write_bytes(b"one")
    (tmp_path / "images" / "ISIC_2.jpg").write_bytes(b"two")
    rows = [
        "lesion_id,image_id,dx,dx_type,age,sex,localization",
        "HAM_1,ISIC_1,mel,histo,40.0,male,lower extremity",
        "HAM_1,ISIC_2,mel,histo,40.0,male,lower extremity",
        "HAM_2,ISIC_3,nv,histo,,unknown,unknown",
    ]
    (tmp_path / folder.METADATA).write_text("\n".join(rows))
    (case,) = folder.cases(tmp_path, 5, today=TODAY)
    assert case.lesions == [{"body_site": "lower_extremity", "laterality": "left"}]
    assert case.truth == ["mel"]
    assert [p.data for visit in case.visits for p in visit.pictures()] == [b"one", b"two"]
    assert case.identity["sex"] == "male"


def test_a_folder_without_images_says_so(tmp_path: Path) -> None:
    with pytest.raises(folder.FolderError, match="missing"):
        folder.cases(tmp_path, 5, today=TODAY)
