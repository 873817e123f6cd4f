"""The panel of similar cases with its pictures and passes, and the page of histology."""

import io
import re
import time
import uuid
from typing import Any
from unittest import mock

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import record
from dermaclinic.audit.models import Event
from patients.services import record_consents
from reports import passes
from reports.models import Histology
from tests import factories
from tests.pages.conftest import browser
from tests.reports import scenes
from tests.reports.confirmed import cases, opinion

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


def panel(client: Client, prediction: Any, *, laid_in: bool = True) -> Any:
    headers = {"HX-Request": "true"} if laid_in else {}
    return client.get(reverse("reports:similar", args=[prediction.pk]), headers=headers)


def crop(client: Client, text: str) -> Any:
    return client.get(reverse("reports:similar-crop", args=[text]))


def refusals(actor: Any, denials: list[Event]) -> list[str]:
    """Why the actor's clinic was refused pictures."""
    here = [each for each in denials if each.clinic_id == actor.clinic_id]
    assert {each.action for each in here} <= {"similar.refused"}
    return [each.detail["why"] for each in here]


def looks(actor: Any) -> int:
    return scenes.events(actor, "image.viewed", detail__rendition="similar case")


def test_too_few_cases_and_the_page_says_how_many(doctors: Client, doctor: Any) -> None:
    asked = opinion(doctor)
    cases(doctor, 49)
    page = panel(doctors, asked).content.decode()
    assert "49 cases of this clinic can be compared; 50 are needed" in page
    assert "<img" not in page


def test_the_panel_tells_nothing_of_whom_it_shows(doctors: Client, doctor: Any) -> None:
    asked = opinion(doctor)
    made = cases(doctor, 50)
    answer = panel(doctors, asked)
    page = answer.content.decode()
    assert page.count("<img") == 3
    assert "no-store" in answer["Cache-Control"]
    assert "No confirmed case of this diagnosis." in page
    for image in made:
        for secret in (image.pk, image.patient_id, image.lesion_id, image.study_id):
            assert str(secret) not in page
            assert secret.hex not in page
    assert not re.search(r"\d{4}-\d\d-\d\d", page)
    whole = panel(doctors, asked, laid_in=False).content.decode()
    assert "<h1" in whole
    assert whole.count("<img") == 3


def test_a_picture_is_small_bare_and_kept_by_nobody(doctors: Client, doctor: Any) -> None:
    asked = opinion(doctor)
    nearest, *_rest = cases(doctor, 50)
    sources = re.findall(r'src="([^"]+)"', panel(doctors, asked).content.decode())
    answer = doctors.get(sources[0])
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert "no-store" in answer["Cache-Control"]
    assert "filename" not in answer["Content-Disposition"]
    assert "ETag" not in answer and "Last-Modified" not in answer
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.size, picture.format) == ((240, 240), "JPEG")
        assert not picture.getexif()
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    with clinic_context(doctor.clinic_id):
        event = Event.objects.get(action="image.viewed", detail__rendition="similar case")
    assert (event.object_id, event.patient_id) == (str(nearest.pk), nearest.patient_id)


@pytest.mark.django_db(transaction=True)
def test_a_refused_pass_is_on_record(doctors: Client, doctor: Any, settings: Any) -> None:
    settings.AUDIT_DENIALS_DATABASE = "denials"
    connections["denials"] = connections["default"].copy(alias="denials")
    try:
        assert crop(doctors, "forged").status_code == 404
    finally:
        connections["denials"].close()
        del connections["denials"]
    assert (
        scenes.events(doctor, "similar.refused", outcome="denied", detail={"why": "not ours"}) == 1
    )


@pytest.mark.parametrize("text", ["x", "A" * 70, "ä", "..", "%", str(uuid.uuid4())])
def test_a_forged_pass_opens_nothing(
    doctors: Client, doctor: Any, text: str, denials: list[Event]
) -> None:
    assert crop(doctors, text).status_code == 404
    assert refusals(doctor, denials) == ["not ours"]
    assert looks(doctor) == 0


def test_a_pass_changed_anywhere_opens_nothing(
    doctors: Client, doctor: Any, denials: list[Event]
) -> None:
    [image] = cases(doctor, 1)
    text = passes.issue(doctor, image.pk)
    for place in (0, 20, len(text) // 2, len(text) - 3):
        other = "A" if text[place] != "A" else "B"
        assert crop(doctors, text[:place] + other + text[place + 1 :]).status_code == 404
    assert refusals(doctor, denials) == ["not ours"] * 4
    assert looks(doctor) == 0
    assert crop(doctors, text).status_code == 200


def test_a_pass_runs_out(doctors: Client, doctor: Any, denials: list[Event]) -> None:
    [image] = cases(doctor, 1)
    text = passes.issue(doctor, image.pk)
    for late, status in ((passes.LASTS - 5, 200), (passes.LASTS + 1, 404)):
        with mock.patch.object(passes.time, "time", return_value=time.time() + late):
            assert crop(doctors, text).status_code == status
    assert refusals(doctor, denials) == ["expired"]
    assert looks(doctor) == 1


def test_a_pass_is_one_persons_in_one_clinic(
    doctors: Client,
    strangers: Client,
    doctor: Any,
    stranger: Any,
    clinic: Any,
    denials: list[Event],
) -> None:
    [image] = cases(doctor, 1)
    text = passes.issue(doctor, image.pk)
    colleague = factories.actor(clinic, "doctor")
    assert crop(strangers, text).status_code == 404
    assert crop(browser(colleague), text).status_code == 404
    assert (refusals(stranger, denials), refusals(doctor, denials)) == (["not ours"], ["not ours"])
    assert (looks(stranger), looks(doctor)) == (0, 0)
    # Even a pass of their own to an image of ours finds nothing behind their wall.
    assert crop(strangers, passes.issue(stranger, image.pk)).status_code == 404
    assert refusals(stranger, denials) == ["not ours", "no longer a case"]


def test_a_pass_ends_with_the_consent_or_the_result(
    doctors: Client, doctor: Any, denials: list[Event]
) -> None:
    first, second = cases(doctor, 2)
    assert second.lesion
    record_consents(actor=doctor, patient_id=first.patient_id, decisions={"comparison": False})
    with clinic_context(doctor.clinic_id):
        Histology.objects.create(
            clinic_id=doctor.clinic_id, patient_id=second.patient_id, lesion=second.lesion,
            version=2, reason="Mistaken.", reported_on=timezone.localdate(), author=doctor.user,
        )  # fmt: skip
    for image in (first, second):
        assert crop(doctors, passes.issue(doctor, image.pk)).status_code == 404
    assert refusals(doctor, denials) == ["no longer a case"] * 2
    assert looks(doctor) == 0


def test_a_pass_tells_nothing(doctor: Any) -> None:
    image = uuid.uuid4()
    made = {passes.issue(doctor, image) for _time in range(8)}
    assert len(made) == 8
    assert len({len(text) for text in made}) == 1
    assert not any(str(image) in text or image.hex in text for text in made)


def test_technicians_see_neither_panel_nor_picture(
    at_desk: Client, technician: Any, doctor: Any, denials: list[Event]
) -> None:
    asked = opinion(doctor)
    [image] = cases(doctor, 1)
    assert panel(at_desk, asked).status_code == 403
    assert crop(at_desk, passes.issue(technician, image.pk)).status_code == 403
    assert [(each.action, each.role) for each in denials] == [("access.denied", "technician")] * 2
    assert (looks(doctor), scenes.events(doctor, "similar.viewed")) == (0, 0)


@pytest.fixture
def lesion(doctor: Any) -> Any:
    return factories.lesion(doctor, factories.patient(doctor))


def histology(lesion: Any) -> str:
    return reverse("reports:histology", args=[lesion.pk])


def result(**changes: str) -> dict[str, str]:
    return {"diagnosis": scenes.MELANOMA, "reported_on": str(timezone.localdate())} | changes


def test_record_correct_and_take_back(doctors: Client, doctor: Any, lesion: Any) -> None:
    assert "Take the result back" not in doctors.get(histology(lesion)).content.decode()
    assert doctors.post(histology(lesion), result()).status_code == 302
    page = doctors.get(histology(lesion)).content.decode()
    assert "Malignant melanoma of skin" in page
    changed = result(diagnosis=scenes.NEVUS, reason="Second reading.")
    assert doctors.post(histology(lesion), changed).status_code == 302
    taken = result(take_back="on", reason="Another lesion's.")
    assert doctors.post(histology(lesion), taken).status_code == 302
    with clinic_context(doctor.clinic_id):
        said = list(Histology.objects.values_list("version", "diagnosis"))
    assert said == [(3, ""), (2, scenes.NEVUS), (1, scenes.MELANOMA)]
    assert "Taken back" in doctors.get(histology(lesion)).content.decode()


@pytest.mark.parametrize(
    "changes", [{"diagnosis": ""}, {"reported_on": ""}, {"reported_on": "2999-01-01"}]
)
def test_a_refusal_keeps_what_was_entered(
    doctors: Client, doctor: Any, lesion: Any, changes: dict[str, str]
) -> None:
    answer = doctors.post(histology(lesion), result(**changes))
    assert answer.status_code == 422
    assert "error-summary" in answer.content.decode()
    assert scenes.count(doctor, Histology) == 0


def test_a_field_left_empty_takes_nothing_back(doctors: Client, doctor: Any, lesion: Any) -> None:
    doctors.post(histology(lesion), result())
    answer = doctors.post(histology(lesion), result(diagnosis="", reason="Oh."))
    assert answer.status_code == 422
    assert scenes.count(doctor, Histology) == 1


def test_back_to_the_review_one_came_from(doctors: Client, doctor: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    answer = doctors.post(f"{histology(lesion)}?visit={study.pk}", result())
    assert answer["Location"] == reverse("reports:review", args=[study.pk])


def test_the_review_page_leads_there(doctors: Client, doctor: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    page = doctors.get(reverse("reports:review", args=[study.pk])).content.decode()
    assert f'hx-get="{histology(lesion)}?visit={study.pk}"' in page
    lines = doctors.get(f"{histology(lesion)}?visit={study.pk}", headers={"HX-Request": "true"})
    assert "There is no result on record." in lines.content.decode()
    assert "<html" not in lines.content.decode()


def test_technicians_read_and_strangers_find_nothing(
    doctors: Client, at_desk: Client, strangers: Client, doctor: Any, lesion: Any
) -> None:
    doctors.post(histology(lesion), result())
    page = at_desk.get(histology(lesion)).content.decode()
    assert "Malignant melanoma of skin" in page
    assert '<form class="card' not in page
    assert at_desk.post(histology(lesion), result(reason="x")).status_code == 403
    assert strangers.get(histology(lesion)).status_code == 404
    assert strangers.post(histology(lesion), result()).status_code == 404
    assert scenes.count(doctor, Histology) == 1
