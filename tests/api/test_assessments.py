"""Recording and reading assessments."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from reports.models import Assessment
from tests import factories
from tests.api.calling import NOWHERE, V1, actions, as_member, count, errors, problem
from tests.reports import scenes
from tests.reports.scenes import MELANOMA, NEVUS

ASSESSMENTS = f"{V1}/assessments/"
SOON = (timezone.localdate() + timedelta(days=90)).isoformat()


@pytest.fixture
def scene(doctor: Any) -> Any:
    scenes.model()
    return scenes.visit(doctor)


def body(scene: Any, **changes: Any) -> dict[str, Any]:
    study, [lesion], _images = scene
    fields = {"diagnoses": [NEVUS], "management": "discharge"}
    return {"study": str(study.pk), "lesion": str(lesion.pk)} | fields | changes


def test_record_with_an_opinion(as_doctor: APIClient, doctor: Any, scene: Any) -> None:
    study, [lesion], [image] = scene
    opinion = scenes.finish(doctor, image)
    answer = as_doctor.post(
        ASSESSMENTS,
        body(
            scene, diagnoses=[NEVUS, MELANOMA], management="monitor", due=SOON, comment=" Calm. ",
            two_step="melanocytic", description="Reticular.", algorithm="pattern",
        ),
    )  # fmt: skip
    assert answer.status_code == 201
    told = answer.json()
    expected = {
        "patient": str(study.patient_id), "study": str(study.pk), "lesion": str(lesion.pk),
        "version": 1, "diagnoses": [NEVUS, MELANOMA], "management": "monitor", "due": SOON,
        "reason": "", "two_step": "melanocytic", "description": "Reticular.",
        "algorithm": "pattern", "comment": "Calm.", "images": [str(image.pk)],
        "opinion": str(opinion.pk), "opinion_state": "ready", "agreement": "agrees",
        "author": str(doctor.user.pk), "blinded": True, "first_impression": None,
        "changed_mind": False, "withdrawn_at": None,
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    assert as_doctor.get(f"{ASSESSMENTS}{told['id']}/").json() == told
    about_it = [each for each in actions(doctor) if each.startswith("assessment.")]
    assert about_it == ["assessment.recorded", "assessment.viewed"], (
        "of the second reader elsewhere"
    )


@pytest.mark.parametrize("state", ["queued", "declined", "failed"])
def test_record_without_one(as_doctor: APIClient, doctor: Any, scene: Any, state: str) -> None:
    scenes.finish(doctor, scene[2][0], status=state)
    told = as_doctor.post(ASSESSMENTS, body(scene)).json()
    assert (told["agreement"], told["opinion"]) == ("no_opinion", None)


def test_departing_from_what_one_has_read_needs_a_reason(
    as_doctor: APIClient, doctor: Any, scene: Any
) -> None:
    opinion = scenes.finish(doctor, scene[2][0], first={"nv": 0.7, "bkl": 0.1, "df": 0.1})
    assert as_doctor.get(f"{V1}/predictions/{opinion.pk}/").status_code == 200
    wanted = body(scene, diagnoses=[MELANOMA], management="excise")
    assert "reason" in errors(as_doctor.post(ASSESSMENTS, wanted))
    assert count(doctor, Assessment) == 0
    answer = as_doctor.post(ASSESSMENTS, wanted | {"reason": "New blue-white veil."})
    assert (answer.status_code, answer.json()["agreement"]) == (201, "differs")
    assert answer.json()["blinded"] is False


def test_a_first_impression_needs_none_and_a_change_of_mind_is_told(
    as_doctor: APIClient, doctor: Any, scene: Any
) -> None:
    scenes.finish(doctor, scene[2][0], first={"nv": 0.7, "bkl": 0.1, "df": 0.1})
    first = as_doctor.post(ASSESSMENTS, body(scene, diagnoses=[MELANOMA])).json()
    assert (first["blinded"], first["agreement"], first["changed_mind"]) == (True, "differs", False)
    refused = as_doctor.post(f"{V1}/reports/", {"assessments": [first["id"]]})
    assert "first impression" in problem(refused, 409)["detail"]
    second = as_doctor.post(ASSESSMENTS, body(scene)).json()
    assert (second["blinded"], second["changed_mind"]) == (False, True)
    assert second["first_impression"] == first["id"]


def test_taken_back(as_doctor: APIClient, doctor: Any, clinic: Any, scene: Any) -> None:
    made = as_doctor.post(ASSESSMENTS, body(scene)).json()
    withdraw = f"{ASSESSMENTS}{made['id']}/withdraw/"
    problem(as_member(factories.actor(clinic, "doctor")).post(withdraw), 409)
    assert as_doctor.get(f"{ASSESSMENTS}{made['id']}/").json()["withdrawn_at"] is None
    answer = as_doctor.post(withdraw)
    assert answer.status_code == 200
    told = as_doctor.get(f"{ASSESSMENTS}{made['id']}/").json()
    assert answer.json() == told
    assert told["withdrawn_at"] is not None
    problem(as_doctor.post(f"{V1}/reports/", {"assessments": [made["id"]]}), 409)
    assert actions(doctor).count("assessment.withdrawn") == 1


def test_a_change_of_mind_is_a_new_version(as_doctor: APIClient, scene: Any) -> None:
    first = as_doctor.post(ASSESSMENTS, body(scene)).json()
    same = as_doctor.post(ASSESSMENTS, body(scene)).json()
    second = as_doctor.post(ASSESSMENTS, body(scene, management="excise")).json()
    assert (same["id"], second["version"]) == (first["id"], 2)
    assert as_doctor.get(f"{ASSESSMENTS}{first['id']}/").json() == first


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"diagnoses": []}, "diagnoses"),
        ({"diagnoses": None}, "diagnoses"),
        ({"diagnoses": NEVUS}, "diagnoses"),
        ({"diagnoses": {"0": NEVUS}}, "diagnoses"),
        ({"diagnoses": [NEVUS, NEVUS]}, "diagnoses"),
        ({"diagnoses": ["73211009"]}, "diagnoses"),
        ({"diagnoses": ["nv"]}, "diagnoses"),
        ({"diagnoses": ["4" * 19]}, "diagnoses"),
        ({"diagnoses": ["\0"]}, "diagnoses"),
        ({"diagnoses": [10**300]}, "diagnoses"),
        ({"diagnoses": [NEVUS] * 4}, "diagnoses"),
        ({"management": "operate"}, "management"),
        ({"management": None}, "management"),
        ({"management": "monitor"}, "due"),
        ({"due": SOON}, "due"),
        ({"management": "monitor", "due": "2001-01-01"}, "due"),
        ({"management": "monitor", "due": "tomorrow"}, "due"),
        ({"management": "monitor", "due": "12026-01-01"}, "due"),
        ({"reason": "x" * 4001}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"two_step": "perhaps"}, "two_step"),
        ({"algorithm": "guessing"}, "algorithm"),
        ({"agreement": "agrees"}, "agreement"),
        ({"author": str(NOWHERE)}, "author"),
        ({"opinion": str(NOWHERE)}, "opinion"),
        ({"study": "x"}, "study"),
        ({"lesion": None}, "lesion"),
    ],
)
def test_what_cannot_be(
    as_doctor: APIClient, doctor: Any, scene: Any, changes: dict[str, Any], field: str
) -> None:
    assert field in errors(as_doctor.post(ASSESSMENTS, body(scene, **changes)))
    assert count(doctor, Assessment) == 0
    assert "assessment.recorded" not in actions(doctor)


def test_a_lesion_without_image_here(as_doctor: APIClient, doctor: Any, scene: Any) -> None:
    study, _lesions, _images = scene
    lesion = factories.lesion(doctor, study.patient)
    answer = as_doctor.post(ASSESSMENTS, body(scene, lesion=str(lesion.pk)))
    assert "lesion" in errors(answer)
    other = factories.lesion(doctor, factories.patient(doctor))
    answer = as_doctor.post(ASSESSMENTS, body(scene, lesion=str(other.pk)))
    assert answer.status_code in (400, 404)
    assert count(doctor, Assessment) == 0


def test_another_doctors_claim(as_doctor: APIClient, doctor: Any, clinic: Any, scene: Any) -> None:
    second = as_member(factories.actor(clinic, "doctor"))
    assert second.post(f"{V1}/studies/{scene[0].pk}/claim/").status_code == 200
    problem(as_doctor.post(ASSESSMENTS, body(scene)), 409)
    assert count(doctor, Assessment) == 0


def test_outsiders(
    as_technician: APIClient,
    as_administrator: APIClient,
    as_stranger: APIClient,
    as_nobody: APIClient,
    doctor: Any,
    scene: Any,
) -> None:
    refused = [
        (as_technician, 403), (as_administrator, 403), (as_stranger, 404), (as_nobody, 401),
    ]  # fmt: skip
    for client, status in refused:
        problem(client.post(ASSESSMENTS, body(scene)), status)
    assert count(doctor, Assessment) == 0
    made = scenes.assess(doctor, scene[0], scene[1][0])
    for client, status in refused[1:]:
        problem(client.get(f"{ASSESSMENTS}{made.pk}/"), status)
    assert "assessment.viewed" not in actions(doctor)
    assert as_technician.get(f"{ASSESSMENTS}{made.pk}/").status_code == 200


def test_images_that_the_doctor_was_not_shown(
    as_doctor: APIClient, doctor: Any, scene: Any
) -> None:
    study, [lesion], [image] = scene
    late = scenes.image(doctor, study, lesion)
    answer = as_doctor.post(ASSESSMENTS, body(scene, images=[str(image.pk)]))
    told = problem(answer, 409)
    assert "A new image of this lesion has come" in told["detail"]
    assert count(doctor, Assessment) == 0
    seen = body(scene, images=[str(late.pk), str(image.pk)])
    assert as_doctor.post(ASSESSMENTS, seen).status_code == 201
