"""The start of a patient's turn, the day's list, the tray, and what a whole visit costs to show."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dermaclinic.audit.models import Event
from imaging.day import today
from imaging.models import Instance, Study
from imaging.services import ingest
from patients.merging.services import merge_patients
from patients.services import record_consents
from tests import factories
from tests.imaging import files
from tests.pages.conftest import UNATTENDED
from tests.reports import scenes

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, mrn="WB-4711", family_name="Musterfrau")


@pytest.fixture
def study(technician: Any, patient: Any) -> Any:
    return factories.study(technician, patient)


@pytest.fixture
def lesions(technician: Any, patient: Any) -> Any:
    return [factories.lesion(technician, patient) for _each in range(2)]


def scan(client: Client, mrn: str) -> Any:
    return client.post(reverse("imaging:capture"), {"mrn": mrn})


def take(actor: Any, study: Any, seed: int, lesion: Any = None) -> Any:
    data = files.jpeg(files.texture(seed=seed))
    lesion_id = lesion.pk if lesion else None
    return ingest(actor=actor, study_id=study.pk, data=data, lesion_id=lesion_id).instance


class TestScanning:
    @pytest.mark.parametrize("typed", ["WB-4711", "  WB-4711\t", "\x1dWB-4711\r\n", "wb-4711"])
    def test_a_number_opens_todays_visit(
        self, at_desk: Client, patient: Any, rows: Rows, typed: str
    ) -> None:
        first = scan(at_desk, typed)
        (study,) = rows(Study)
        assert first.url == reverse("imaging:visit", args=[study.pk])
        assert study.patient_id == patient.pk
        assert scan(at_desk, typed).url == first.url
        assert len(rows(Study)) == 1
        looks = rows(Event, action="patient.searched", detail__fields=["mrn"])
        assert [look.detail["shown"] for look in looks] == [[str(patient.pk)]] * 2

    def test_yesterdays_visit_is_not_todays(
        self, at_desk: Client, technician: Any, patient: Any, rows: Rows
    ) -> None:
        before = today().begins - timedelta(minutes=1)
        factories.study(technician, patient, acquired_at=before)
        scan(at_desk, patient.mrn)
        assert len(rows(Study)) == 2

    def test_nobody_has_the_number(self, at_desk: Client, patient: Any, rows: Rows) -> None:
        answer = scan(at_desk, "WB-4712")
        page = answer.content.decode()
        assert answer.status_code == 400
        assert "No patient of this clinic has this record number" in page
        assert reverse("patients:register") in page
        assert 'value="WB-4712"' in page
        assert not rows(Study)
        (event,) = rows(Event, action="patient.searched", detail__fields=["mrn"])
        assert event.detail["shown"] == []

    def test_two_numbers_that_differ_in_case_alone_are_not_guessed(
        self, at_desk: Client, technician: Any, rows: Rows
    ) -> None:
        for mrn in ("ab-1", "AB-1"):
            factories.patient(technician, mrn=mrn)
        assert scan(at_desk, "Ab-1").status_code == 400
        assert scan(at_desk, "AB-1").status_code == 302
        assert len(rows(Study)) == 1

    def test_the_number_of_a_merged_record_leads_to_the_one_that_stands_for_it(
        self, at_desk: Client, doctor: Any, patient: Any, rows: Rows
    ) -> None:
        other = factories.patient(doctor, mrn="OLD-1", consent=False)
        merge_patients(
            actor=doctor, survivor_id=patient.pk, other_id=other.pk, reason="registered twice"
        )
        assert scan(at_desk, "OLD-1").status_code == 302
        assert [study.patient_id for study in rows(Study)] == [patient.pk]

    def test_a_part_of_a_number_is_no_number(
        self, at_desk: Client, patient: Any, rows: Rows
    ) -> None:
        assert scan(at_desk, "WB").status_code == 400
        assert scan(at_desk, "   ").status_code == 400
        assert not rows(Study)

    def test_without_consent_no_visit_begins(
        self, at_desk: Client, technician: Any, rows: Rows
    ) -> None:
        patient = factories.patient(technician, consent=False, mrn="NC-1")
        answer = scan(at_desk, "NC-1")
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "has not agreed to photographs for care" in page
        assert f"{reverse('patients:detail', args=[patient.pk])}#consents" in page
        assert not rows(Study)
        record_consents(actor=technician, patient_id=patient.pk, decisions={"care": True})
        assert scan(at_desk, "NC-1").status_code == 302

    def test_another_clinics_number_is_nobodys(
        self, strangers: Client, patient: Any, rows: Rows
    ) -> None:
        assert scan(strangers, patient.mrn).status_code == 400
        assert not rows(Study)

    def test_only_who_may_photograph(self, administrators: Client, patient: Any) -> None:
        assert administrators.get(reverse("imaging:capture")).status_code == 403
        assert scan(administrators, patient.mrn).status_code == 403

    def test_the_number_never_stands_in_an_address(self, at_desk: Client, patient: Any) -> None:
        page = at_desk.get(reverse("imaging:capture"), {"mrn": patient.mrn}).content.decode()
        assert patient.mrn not in page
        assert 'method="post"' in page
        assert "autofocus" in page

    @pytest.mark.parametrize("address", ["capture", "visit"])
    def test_these_pages_alone_may_ask_for_the_camera(
        self, at_desk: Client, study: Any, address: str
    ) -> None:
        arguments = [study.pk] if address == "visit" else []
        with_camera = at_desk.get(reverse(f"imaging:{address}", args=arguments))
        without = at_desk.get(reverse("patients:find"))
        assert "camera=(self)" in with_camera.headers["Permissions-Policy"]
        assert "camera=()" in without.headers["Permissions-Policy"]


class TestToday:
    def test_it_tells_who_and_what_is_left_to_do(
        self, at_desk: Client, technician: Any, study: Any, lesions: Any, rows: Rows
    ) -> None:
        take(technician, study, 1, lesions[0])
        take(technician, study, 2)
        page = at_desk.get(reverse("imaging:capture")).content.decode()
        row = page[page.index("<tbody>") : page.index("</tbody>")]
        assert "Musterfrau" in row and "WB-4711" in row and technician.name in row
        assert '<td data-label="Images" class="end number">2</td>' in row
        assert '<span class="number">1</span>' in row
        (event,) = rows(Event, action="patient.searched")
        assert event.detail["fields"] == ["visits_of_today"]

    def test_an_empty_day_says_what_to_do(self, at_desk: Client) -> None:
        page = at_desk.get(reverse("imaging:capture")).content.decode()
        assert "Scan the first patient" in page

    def test_forty_patients_cost_what_one_does(self, at_desk: Client, technician: Any) -> None:
        def another(seed: int) -> None:
            patient = factories.patient(technician)
            study = factories.study(technician, patient)
            take(technician, study, seed, factories.lesion(technician, patient))

        another(100)
        few = queries(at_desk, reverse("imaging:capture"))
        for seed in (101, 102, 103):
            another(seed)
        assert queries(at_desk, reverse("imaging:capture")) == few


def queries(client: Client, address: str) -> int:
    client.get(address, headers=UNATTENDED)  # what is asked once in a process
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address, headers=UNATTENDED).status_code == 200
    return len(asked)


def test_a_visit_of_many_images_costs_what_one_of_few_does(
    at_desk: Client, technician: Any, patient: Any, study: Any, lesions: Any
) -> None:
    address = reverse("imaging:visit", args=[study.pk])
    earlier = factories.study(technician, patient, acquired_at=timezone.now() - timedelta(days=90))

    def more(first: int) -> None:
        take(technician, study, first, lesions[0])
        take(technician, study, first + 1)
        take(technician, earlier, first + 2, lesions[1])
        take(technician, earlier, first + 3, lesions[0])

    more(10)
    few = queries(at_desk, address)
    more(20)
    more(30)
    assert queries(at_desk, address) == few


def test_the_last_image_is_that_of_the_visit_before(
    at_desk: Client, technician: Any, patient: Any, study: Any, lesions: Any
) -> None:
    days = [timezone.now() - timedelta(days=days) for days in (200, 100)]
    older, newer = (factories.study(technician, patient, acquired_at=day) for day in days)
    take(technician, older, 1, lesions[0])
    last = take(technician, newer, 2, lesions[0])
    own = take(technician, study, 3, lesions[1])
    page = at_desk.get(reverse("imaging:visit", args=[study.pk])).content.decode()
    assert f'data-last="{reverse("imaging:image", args=[last.pk])}"' in page
    # A lesion that is new today is compared with its own first image.
    assert f'data-last="{reverse("imaging:image", args=[own.pk])}"' in page
    assert page.count("data-last=") == 2


class TestTray:
    @pytest.fixture
    def loose(self, technician: Any, study: Any) -> Any:
        return [take(technician, study, seed) for seed in (1, 2, 3)]

    def assign(self, client: Client, study: Any, images: Any, lesion: Any, **headers: str) -> Any:
        fields = {"image": [each.pk for each in images], "lesion": lesion.pk}
        address = reverse("imaging:assign-images", args=[study.pk])
        return client.post(address, fields, headers=headers or HTMX)

    def take_back(self, client: Client, study: Any, former: dict[Any, Any]) -> Any:
        pairs = ",".join(f"{image}:{lesion or ''}" for image, lesion in former.items())
        address = reverse("imaging:take-back", args=[study.pk])
        return client.post(address, {"former": pairs}, headers=HTMX)

    def test_many_are_given_to_a_lesion_at_once(
        self, at_desk: Client, study: Any, loose: Any, lesions: Any, rows: Rows
    ) -> None:
        answer = self.assign(at_desk, study, loose[:2], lesions[1])
        page = answer.content.decode()
        assert answer.status_code == 200
        assert {each.pk for each in rows(Instance, lesion=lesions[1])} == {
            each.pk for each in loose[:2]
        }
        assert f'id="tray-{loose[2].pk}"' in page
        assert f'id="tray-{loose[0].pk}"' not in page
        assert f'id="tile-{loose[0].pk}"' in page
        assert "2 images show lesion 2: Back" in page
        assert len(rows(Event, action="image.assigned")) == 2

    def test_hundreds_fit_into_one_field(
        self, at_desk: Client, study: Any, loose: Any, lesions: Any, rows: Rows
    ) -> None:
        fields = {"image": ",".join(str(each.pk) for each in loose), "lesion": lesions[0].pk}
        address = reverse("imaging:assign-images", args=[study.pk])
        page = at_desk.post(address, fields, headers=HTMX).content.decode()
        assert len(rows(Instance, lesion=lesions[0])) == 3
        assert page.count('type="hidden" name="former"') == 1
        for rubbish in ("x", ",", f"{loose[0].pk},"):
            assert at_desk.post(address, fields | {"image": rubbish}).status_code == 400

    def test_without_scripts_the_page_comes_again(
        self, at_desk: Client, study: Any, loose: Any, lesions: Any, rows: Rows
    ) -> None:
        answer = self.assign(at_desk, study, loose, lesions[0], Accept="text/html")
        assert answer.url == reverse("imaging:visit", args=[study.pk])
        assert len(rows(Instance, lesion=lesions[0])) == 3

    def test_it_is_taken_back(
        self, at_desk: Client, study: Any, loose: Any, lesions: Any, rows: Rows
    ) -> None:
        self.assign(at_desk, study, loose[:1], lesions[0])
        self.assign(at_desk, study, loose, lesions[1])
        former = {loose[0].pk: lesions[0].pk, loose[1].pk: None, loose[2].pk: None}
        page = self.take_back(at_desk, study, former).content.decode()
        assert {each.pk: each.lesion_id for each in rows(Instance)} == former
        assert "3 images are where they were before" in page
        assert f'<li id="tile-{loose[1].pk}" hx-swap-oob="delete">' in page
        (event,) = rows(Event, action="image.assignment_taken_back", object_id=str(loose[1].pk))
        assert event.detail == {"from": str(lesions[1].pk), "to": ""}

    def test_what_a_doctor_has_assessed_is_not_taken_back(
        self, at_desk: Client, doctor: Any, study: Any, loose: Any, lesions: Any, rows: Rows
    ) -> None:
        self.assign(at_desk, study, loose[:2], lesions[0])
        scenes.assess(doctor, study, lesions[0])
        answer = self.take_back(at_desk, study, {each.pk: None for each in loose[:2]})
        assert answer.status_code == 409
        told = answer.content.decode()
        assert "A doctor has assessed this image meanwhile" in told
        assert 'id="undo"' in told and "<!doctype" not in told  # in its place on the page
        assert len(rows(Instance, lesion=lesions[0])) == 2
        assert not rows(Event, action="image.assignment_taken_back")

    def test_all_of_them_or_none(
        self, at_desk: Client, technician: Any, study: Any, loose: Any, lesions: Any, rows: Rows
    ) -> None:
        elsewhere = factories.study(technician, factories.patient(technician))
        strange = take(technician, elsewhere, 9)
        assert self.assign(at_desk, study, [*loose, strange], lesions[0]).status_code == 404
        assert self.assign(at_desk, study, [], lesions[0]).status_code == 400
        not_theirs = factories.lesion(technician, factories.patient(technician))
        assert self.assign(at_desk, study, loose, not_theirs).status_code == 404
        assert not rows(Instance, lesion__isnull=False)

    def test_another_clinic_finds_nothing(
        self, strangers: Client, study: Any, loose: Any, lesions: Any, rows: Rows
    ) -> None:
        assert self.assign(strangers, study, loose, lesions[0]).status_code == 404
        former = {each.pk: None for each in loose}
        assert self.take_back(strangers, study, former).status_code == 404
        assert not rows(Instance, lesion__isnull=False)


class TestBriefs:
    """How far the opinions are: one question, however many images."""

    def ask(self, client: Client, study: Any, *pairs: str) -> Any:
        address = reverse("inference:briefs", args=[study.pk])
        return client.post(address, {"pending": ",".join(pairs)}, headers=HTMX)

    def test_only_what_changed_is_told(self, doctor: Any, doctors: Client) -> None:
        study, _lesions, [image] = scenes.visit(doctor)
        first = self.ask(doctors, study, f"{image.pk}:").content.decode()
        assert f'id="brief-{image.pk}" hx-swap-oob="true"' in first
        state = first.split('data-pending="')[1].split('"')[0] if "data-pending" in first else ""
        if state:
            assert self.ask(doctors, study, state).status_code == 204
        assert self.ask(doctors, study, "rubbish", "").status_code == 204

    def test_of_an_opinion_only_the_urgency_is_told(self, doctor: Any, doctors: Client) -> None:
        study, _lesions, [image] = scenes.visit(doctor)
        scenes.finish(doctor, image)
        page = self.ask(doctors, study, f"{image.pk}:queued").content.decode()
        assert "Urgent" in page or "Routine" in page
        assert "elanoma" not in page and "nevus" not in page and "%" not in page

    def test_many_opinions_cost_what_one_does(
        self, doctor: Any, doctors: Client, technician: Any, rows: Rows
    ) -> None:
        study, [lesion], [image] = scenes.visit(doctor)
        images = [image, *(take(doctor, study, seed, lesion) for seed in (50, 51, 52))]
        for each in images:
            scenes.finish(doctor, each)
        few, many = (
            self.cost(doctors, study, [f"{each.pk}:" for each in some])
            for some in (images[:1], images)
        )
        assert many == few
        looks = rows(Event, action="prediction.viewed")
        assert len(looks) == 1 + len(images) + 1  # what was asked for once, to warm up
        assert {look.detail["shown"] for look in looks} == {"triage"}

    def cost(self, client: Client, study: Any, pairs: list[str]) -> int:
        if len(pairs) == 1:
            self.ask(client, study, *pairs)
        with CaptureQueriesContext(connection) as asked:
            assert self.ask(client, study, *pairs).status_code == 200
        return len(asked)

    def test_an_image_of_another_visit_is_not_told_of(
        self, technician: Any, doctor: Any, at_desk: Client, study: Any, rows: Rows
    ) -> None:
        _other, _lesions, [image] = scenes.visit(doctor)
        assert self.ask(at_desk, study, f"{image.pk}:").status_code == 204
