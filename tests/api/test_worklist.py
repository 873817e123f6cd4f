"""The worklist over REST: the same order as the page's, in cursor pages."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.test import APIClient

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from reports import selectors
from tests.api.calling import V1, actions, errors, problem
from tests.reports import scenes

WORKLIST = f"{V1}/worklist/"


def test_a_row(as_doctor: APIClient, doctor: Any) -> None:
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    opinion = scenes.finish(doctor, image, malignant=0.4, triage="urgent")
    answer = as_doctor.get(WORKLIST)
    assert answer.status_code == 200
    told = answer.json()
    assert told["next"] is None
    [row] = told["results"]
    assert row["study"] == str(study.pk)
    assert row["patient"]["id"] == str(study.patient_id)
    assert (row["urgency"], row["malignant_probability"]) == ("urgent", 0.4)
    assert (row["claim"], row["unassigned"]) == (None, [])
    [shown] = row["lesions"]
    assert shown["lesion"]["id"] == str(lesion.pk)
    assert (shown["open"], shown["opinion_state"], shown["assessment"]) == (True, "ready", None)
    assert shown["opinion"] == {"id": str(opinion.pk), "status": "ready"}
    [picture] = shown["images"]
    assert (picture["id"], picture["seen"]) == (str(image.pk), False)
    assert as_doctor.get(picture["thumbnail_url"]).status_code == 200


def test_the_order_and_what_is_left_out(as_doctor: APIClient, doctor: Any) -> None:
    scenes.model()
    routine, _, [image] = scenes.visit(doctor)
    scenes.finish(doctor, image)
    urgent, _, [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, malignant=0.5, triage="urgent")
    declined, _, [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, status="declined")
    pending, *_ = scenes.visit(doctor)
    done, [lesion], _ = scenes.visit(doctor)
    scenes.assess(doctor, done, lesion)
    rows = as_doctor.get(WORKLIST).json()["results"]
    expected = [declined, urgent, pending, routine]
    assert [row["study"] for row in rows] == [str(study.pk) for study in expected]
    assert [row["urgency"] for row in rows] == ["no_opinion", "urgent", "pending", "routine"]


def test_pages(as_doctor: APIClient, doctor: Any, monkeypatch: Any) -> None:
    whole = selectors.worklist
    monkeypatch.setattr(
        "reports.api.selectors.worklist", lambda *args, **named: whole(*args, **named, limit=2)
    )
    for _visit in range(5):
        scenes.visit(doctor)
    seen: list[str] = []
    patients: list[str] = []
    link: str | None = WORKLIST
    while link:
        told = as_doctor.get(link).json()
        seen += [row["study"] for row in told["results"]]
        patients += [row["patient"]["id"] for row in told["results"]]
        link = told["next"]
    assert len(seen) == len(set(seen)) == 5
    assert seen == [str(row.study.pk) for row in whole(doctor).rows]
    with clinic_context(doctor.clinic_id):
        looks = [e.detail for e in Event.objects.filter(action="worklist.viewed").order_by("id")]
    parts = [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert looks[:3] == [{"shown": patients[each], "studies": seen[each]} for each in parts]


def test_a_cursor_does_not_tell_the_probability(
    as_doctor: APIClient, doctor: Any, monkeypatch: Any
) -> None:
    whole = selectors.worklist
    monkeypatch.setattr(
        "reports.api.selectors.worklist", lambda *args, **named: whole(*args, **named, limit=1)
    )
    scenes.model()
    for malignant in (0.8125, 0.4375):
        _study, _lesions, [picture] = scenes.visit(doctor)
        scenes.finish(doctor, picture, malignant=malignant)
    told = as_doctor.get(WORKLIST).json()
    [cursor] = parse_qs(urlsplit(told["next"]).query)["cursor"]
    for part in (cursor, *cursor.split(":")):
        said = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")
        assert "0187500" not in part + said
    [row] = as_doctor.get(told["next"]).json()["results"]
    assert row["malignant_probability"] == 0.4375


def test_claims(as_doctor: APIClient, doctor: Any) -> None:
    mine, *_ = scenes.visit(doctor)
    free, *_ = scenes.visit(doctor)
    as_doctor.post(f"{V1}/studies/{mine.pk}/claim/")
    for which, expected in {"mine": [mine], "unclaimed": [free], "all": [mine, free]}.items():
        rows = as_doctor.get(WORKLIST, {"which": which}).json()["results"]
        assert [row["study"] for row in rows] == [str(study.pk) for study in expected]


@pytest.mark.parametrize(
    ("query", "field"),
    [("which=yours", "which"), ("cursor=nonsense", "cursor"), ("urgent=1", "urgent")],
)
def test_a_query_that_makes_no_sense(
    as_doctor: APIClient, doctor: Any, query: str, field: str
) -> None:
    assert list(errors(as_doctor.get(f"{WORKLIST}?{query}"))) == [field]
    assert "worklist.viewed" not in actions(doctor)


def test_it_is_the_doctors(
    as_technician: APIClient,
    as_administrator: APIClient,
    as_stranger: APIClient,
    as_nobody: APIClient,
    doctor: Any,
) -> None:
    scenes.visit(doctor)
    problem(as_technician.get(WORKLIST), 403)
    problem(as_administrator.get(WORKLIST), 403)
    problem(as_nobody.get(WORKLIST), 401)
    assert as_stranger.get(WORKLIST).json() == {"next": None, "results": []}
    assert "worklist.viewed" not in actions(doctor)
