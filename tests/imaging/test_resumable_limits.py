"""Files in parts: what became of the whole one, whose it is, how many there may be, their end."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts.tenancy import acting_as, clinic_context
from dermaclinic.audit.models import Event
from imaging.formats import MAX_BYTES
from imaging.models import Instance, Quarantine, Rejection, Upload, UploadPart
from imaging.services import arriving, ingest
from imaging.storage import vault
from imaging.views.visit import PART_BYTES
from tests import factories
from tests.imaging.tus import (
    TUS,
    Rows,
    Sender,
    data,
    digest,
    nothing_is_left,
    patient,
    sender,
    study,
)
from tests.pages.conftest import at_desk, browser, rows, strangers

__all__ = ["at_desk", "data", "patient", "rows", "sender", "strangers", "study"]  # fixtures

pytestmark = pytest.mark.django_db


class TestSettling:
    """What became of the whole file, and what happens when that cannot be said yet."""

    def test_an_image_of_another_patient_is_held(
        self, sender: Sender, technician: Any, data: bytes, rows: Rows
    ) -> None:
        other = factories.study(technician, factories.patient(technician))
        ingest(actor=technician, study_id=other.pk, data=data)
        answer = sender.send(sender.begun(len(data)), 0, data)
        (held,) = rows(Quarantine)
        assert answer.status_code == 409
        assert answer.json()["link"] == reverse("imaging:held-item", args=[held.pk])
        assert "Upload-Offset" in answer.headers
        assert not rows(UploadPart)

    def test_consent_withdrawn_meanwhile_keeps_the_bytes(
        self, sender: Sender, technician: Any, patient: Any, data: bytes, rows: Rows
    ) -> None:
        from patients.services import record_consents

        address = sender.begun(len(data))
        sender.send(address, 0, data[:-1])
        record_consents(actor=technician, patient_id=patient.pk, decisions={"care": False})
        assert sender.send(address, len(data) - 1, data[-1:]).status_code == 409
        assert not rows(Instance)
        record_consents(actor=technician, patient_id=patient.pk, decisions={"care": True})
        assert sender.send(address, len(data), b"").status_code == 201

    def test_a_fault_leaves_the_bytes_to_be_looked_at_again(
        self, sender: Sender, data: bytes, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        address = sender.begun(len(data))

        def broken(**_arguments: Any) -> None:
            raise RuntimeError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(arriving, "ingest", broken)
            with pytest.raises(RuntimeError):
                sender.send(address, 0, data)
        assert rows(Upload)[0].settling_until is None
        assert sender.send(address, len(data), b"").status_code == 201
        assert rows(Instance)[0].sha256 == digest(data)

    def test_two_requests_do_not_look_at_it_at_once(
        self, sender: Sender, technician: Any, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data))
        with clinic_context(technician.clinic_id):
            Upload.objects.update(settling_until=timezone.now() + timedelta(seconds=30))
        assert sender.send(address, 0, data).status_code == 423
        assert not rows(Instance)
        with clinic_context(technician.clinic_id):
            Upload.objects.update(settling_until=timezone.now())  # whoever it was has died
        assert sender.send(address, len(data), b"").status_code == 201

    def test_an_empty_file_is_refused_with_its_reason(self, sender: Sender, rows: Rows) -> None:
        answer = sender.send(sender.begun(0), 0, b"")
        assert (answer.status_code, answer.json()["code"]) == (422, "empty")
        assert nothing_is_left(rows)


class TestLimits:
    def test_too_large_a_file_is_refused_before_it_is_sent(
        self, sender: Sender, rows: Rows
    ) -> None:
        answer = sender.begin(MAX_BYTES + 1)
        assert answer.status_code == 413
        assert "larger than the 64 MB" in answer.json()["detail"]
        assert [each.code for each in rows(Rejection)] == ["too-large"]
        assert not rows(Upload)

    def test_nobody_leaves_any_number_of_unfinished_files(
        self, sender: Sender, technician: Any, study: Any, rows: Rows
    ) -> None:
        for _each in range(arriving.MOST_OPEN):
            sender.begun(10)
        answer = sender.begin(10)
        assert answer.status_code == 409, "and not one of those that the page waits for"
        assert "Choose them again, or discard them" in answer.json()["detail"]
        assert len(rows(Upload)) == arriving.MOST_OPEN
        colleague = factories.actor(factories.clinic("Third Test Clinic"), "technician")
        theirs = factories.study(colleague, factories.patient(colleague))
        assert Sender(browser(colleague), theirs).begin(10).status_code == 201

    def test_the_page_of_a_visit_leads_to_what_is_unfinished_at_others(
        self, sender: Sender, technician: Any, clinic: Any, study: Any
    ) -> None:
        def page(client: Client, visit: Any, name: str = "visit") -> tuple[str, int]:
            with CaptureQueriesContext(connection) as captured:
                said = client.get(reverse(f"imaging:{name}", args=[visit.pk])).content.decode()
            return said, len(captured)

        colleague = factories.actor(clinic, "technician")
        counts = []
        others = [factories.study(technician, factories.patient(technician)) for _ in range(3)]
        for each in others:
            Sender(sender.client, each).begun(10)
            counts.append(page(sender.client, study)[1])
        assert counts[0] == counts[-1]
        Sender(sender.client, others[0]).begun(10)
        for name in ("visit", "arrivals"):  # the second one comes when uploads have settled
            said, _queries = page(sender.client, study, name)
            for each, files in zip(others, ("2 files", "1 file", "1 file"), strict=True):
                link = reverse("imaging:visit", args=[each.pk])
                assert re.search(rf'href="{link}">[^<]+</a>: {files}<', said)
                assert each.patient.mrn not in said
        said, _queries = page(sender.client, others[0])
        assert said.count("data-upload=") == 2
        assert reverse("imaging:visit", args=[others[1].pk]) in said
        assert "unfinished-elsewhere" not in page(browser(colleague), study)[0]

    def test_a_file_comes_in_no_more_than_so_many_parts(
        self, sender: Sender, data: bytes, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arriving, "MOST_PARTS", 3)
        address = sender.begun(len(data))
        for at in range(3):
            assert sender.send(address, at, data[at : at + 1]).status_code == 204
        answer = sender.send(address, 3, data[3:4])
        assert answer.status_code == 413
        assert "too many pieces" in answer.json()["detail"]
        assert rows(Upload)[0].offset == 3
        assert len(rows(UploadPart)) == len(list(vault().names())) == 3
        assert sender.send(address, 3, data[3:]).status_code == 201, "the last one makes it whole"
        assert rows(Instance)[0].sha256 == digest(data)
        assert not rows(UploadPart)

    def test_the_largest_file_needs_few_of_its_parts(self) -> None:
        assert MAX_BYTES / PART_BYTES < arriving.MOST_PARTS / 50

    def test_without_consent_nothing_is_begun(
        self,
        at_desk: Client,
        technician: Any,
        rows: Rows,
    ) -> None:
        patient = factories.patient(technician, consent=False)
        study = factories.study(technician, patient)
        answer = Sender(at_desk, study).begin(10)
        assert answer.status_code == 409
        assert "consent" in answer.json()["detail"]
        assert not rows(Upload)

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Tus-Resumable": "0.2.2"}, 412),
            ({"Upload-Length": "many"}, 400),
            ({"Upload-Length": "-1"}, 400),
            ({"Upload-Metadata": "filename not-base64!"}, 400),
            ({"Upload-Metadata": "sha256 eHl6"}, 400),
            ({"Upload-Metadata": "lesion eHl6"}, 400),
            ({"Upload-Metadata": "modality eHl6"}, 400),
        ],
    )
    def test_what_is_not_tus_is_told(
        self, sender: Sender, rows: Rows, headers: dict[str, str], status: int
    ) -> None:
        answer = sender.begin(10, headers)
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        assert not rows(Upload)

    def test_a_part_needs_its_type_and_its_place(self, sender: Sender, rows: Rows) -> None:
        address = sender.begun(10)
        typed = sender.client.patch(
            address, b"x", content_type="image/jpeg", headers={**TUS, "Upload-Offset": "0"}
        )
        assert typed.status_code == 415
        assert sender.send(address, "here", b"x").status_code == 400
        assert rows(Upload)[0].offset == 0

    def test_what_the_server_can_do(self, sender: Sender) -> None:
        answer = sender.client.options(reverse("imaging:uploads", args=[sender.study.pk]))
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation", "checksum", "termination", "expiration",
        }  # fmt: skip
        assert answer.headers["Tus-Max-Size"] == str(MAX_BYTES)


class TestOthers:
    def test_an_upload_is_its_senders_alone(
        self,
        sender: Sender,
        clinic: Any,
        strangers: Client,
        data: bytes,
        rows: Rows,
    ) -> None:
        address = sender.begun(len(data))
        colleague = browser(factories.actor(clinic, "technician"))
        for client in (colleague, strangers):
            other = Sender(client, sender.study)
            assert other.asked(address).status_code == 404
            assert other.send(address, 0, data).status_code == 404
            assert other.give_up(address).status_code == 404
        assert rows(Upload)[0].offset == 0
        assert not list(vault().names())
        assert Sender(strangers, sender.study).begin(10).status_code == 404

    def test_parts_need_the_token_of_the_page(
        self, technician: Any, study: Any, rows: Rows
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(factories.user(technician))
        assert Sender(client, study).begin(10).status_code == 403
        assert not rows(Upload)


class TestEnd:
    def test_an_upload_that_is_given_up_leaves_nothing(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data))
        sender.send(address, 0, data[:100])
        assert sender.give_up(address).status_code == 204
        assert sender.asked(address).status_code == 404
        assert not rows(Upload)
        assert nothing_is_left(rows)
        assert rows(Event, action="upload.discarded")

    def test_after_a_day_it_is_gone_and_swept(
        self, sender: Sender, technician: Any, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data))
        sender.send(address, 0, data[:100])
        young = sender.begun(len(data))
        sender.send(young, 0, data[:100])
        with clinic_context(technician.clinic_id):
            late = Upload.objects.filter(pk=address.strip("/").split("/")[-1])
            late.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert sender.asked(address).status_code == 410
        assert sender.send(address, 100, data[100:]).status_code == 410
        with acting_as("worker"):
            assert arriving.sweep_uploads(clinic_id=technician.clinic_id) == 1
        assert [upload.offset for upload in rows(Upload)] == [100]
        assert len(rows(UploadPart)) == len(list(vault().names())) == 1
        (event,) = rows(Event, action="upload.discarded")
        assert event.role == "system"

    def test_the_same_file_begins_anew_before_the_sweep_has_come(
        self, sender: Sender, technician: Any, data: bytes, rows: Rows
    ) -> None:
        late = sender.begun(len(data), sha256=digest(data))
        sender.send(late, 0, data[:100])
        with clinic_context(technician.clinic_id):
            Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert sender.send(late, 100, data[100:]).status_code == 410
        address = sender.begun(len(data), sha256=digest(data))
        assert [upload.offset for upload in rows(Upload)] == [0]
        assert not rows(UploadPart)
        assert not list(vault().names())
        assert len(rows(Event, action="upload.discarded")) == 1
        assert sender.send(address, 0, data).status_code == 201
        assert rows(Instance)[0].sha256 == digest(data)

    def test_another_length_under_the_same_digest_takes_the_place_of_the_older_one(
        self, sender: Sender, data: bytes, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arriving, "MOST_OPEN", 1)
        sender.begun(len(data) - 1, sha256=digest(data))
        sender.begun(len(data), sha256=digest(data))
        assert [upload.length for upload in rows(Upload)] == [len(data)]
