"""Files in parts, over the protocol: what arrives is the file, whatever broke off in between."""

import base64
import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts.tenancy import acting_as, clinic_context
from dermaclinic.audit.models import Event
from imaging.formats import MAX_BYTES
from imaging.models import Instance, Quarantine, Rejection, Upload, UploadPart
from imaging.resumable.protocol import CHUNK_TYPE, MOST_AT_ONCE
from imaging.services import arriving, ingest
from imaging.storage import vault
from tests import factories
from tests.imaging import files
from tests.imaging.tus import TUS, Sender
from tests.pages.conftest import at_desk, browser, rows, strangers

__all__ = ["at_desk", "rows", "strangers"]  # fixtures

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician)


@pytest.fixture
def study(technician: Any, patient: Any) -> Any:
    return factories.study(technician, patient)


@pytest.fixture
def sender(at_desk: Client, study: Any) -> Sender:
    return Sender(at_desk, study)


@pytest.fixture
def data() -> bytes:
    return files.jpeg(files.texture())


class Broken(io.BytesIO):
    """A body whose sender has gone."""

    def read(self, size: int | None = -1) -> bytes:
        if found := super().read(size):
            return found
        raise ConnectionResetError


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def nothing_is_left(rows: Rows) -> bool:
    return not rows(Instance) and not rows(UploadPart) and not list(vault().names())


class TestArriving:
    def test_a_file_in_three_parts_is_the_file(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        third = len(data) // 3
        address = sender.begun(len(data), filename="IMG_1.jpg")
        for start in (0, third):
            answer = sender.send(address, start, data[start : start + third])
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["Upload-Offset"] == str(start + third)
            assert answer.headers["Upload-Expires"].endswith("GMT")
        last = sender.send(address, 2 * third, data[2 * third :])
        (image,) = rows(Instance)
        assert last.status_code == 201
        assert f'data-image="{image.pk}"' in last.content.decode()
        assert image.sha256 == digest(data)
        # Of the parts nothing is left: only the image and its thumbnail lie in the vault.
        assert not rows(UploadPart)
        assert set(vault().names()) == {image.image_name, image.thumbnail_name}

    def test_after_a_break_the_sender_asks_and_goes_on(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data))
        sender.send(address, 0, data[:1000])
        how_far = sender.asked(address)
        assert (how_far.status_code, how_far.content) == (200, b"")
        assert how_far.headers["Upload-Offset"] == "1000"
        assert how_far.headers["Upload-Length"] == str(len(data))
        assert "no-store" in how_far.headers["Cache-Control"]
        assert sender.send(address, 1000, data[1000:]).status_code == 201
        assert rows(Instance)[0].sha256 == digest(data)

    def test_what_came_before_the_break_is_kept(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        """The connection ends in the middle of a part: its beginning is there."""
        address = sender.begun(len(data))
        headers = {**TUS, "Upload-Offset": "0", "Content-Length": str(len(data))}
        answer = sender.client.generic(
            "PATCH",
            address,
            data,
            CHUNK_TYPE,
            headers=headers,
            **{"wsgi.input": Broken(data[:700])},
        )
        assert answer.headers["Upload-Offset"] == "700"
        assert sender.send(address, 700, data[700:]).status_code == 201
        assert rows(Instance)[0].sha256 == digest(data)

    def test_bytes_at_another_place_are_not_taken(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data))
        sender.send(address, 0, data[:1000])
        for at in (0, 999, 1001):
            wrong = sender.send(address, at, data[at : at + 50])
            assert wrong.status_code == 409
            assert wrong.headers["Upload-Offset"] == "1000"
        assert [(part.start, part.size) for part in rows(UploadPart)] == [(0, 1000)]
        assert len(list(vault().names())) == 1

    def test_more_bytes_than_announced_are_not_taken(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(100)
        assert sender.send(address, 0, data[:101]).status_code == 413
        too_much = sender.send(address, 0, b"", Content_Length=str(MOST_AT_ONCE + 1))
        assert too_much.status_code == 413
        assert rows(Upload)[0].offset == 0
        assert nothing_is_left(rows)

    def test_partial_bytes_are_sealed(self, sender: Sender, data: bytes) -> None:
        address = sender.begun(len(data))
        sender.send(address, 0, data[:5000])
        stored = [path for path in vault().directory.rglob("*") if path.is_file()]
        assert len(stored) == 1
        assert data[:64] not in stored[0].read_bytes()
        assert len(stored[0].read_bytes()) > 5000

    def test_of_a_name_only_the_ending_is_kept(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        sender.begun(len(data), filename="Musterfrau Erika 1964.JPG")
        sender.begun(len(data), filename="odd.name-with!")
        assert [upload.ending for upload in rows(Upload)] == ["jpg", ""]
        (event, _second) = rows(Event, action="upload.begun")
        assert event.detail == {"bytes": len(data)}

    def test_a_lesion_and_a_kind_arrive_with_it(
        self, sender: Sender, technician: Any, patient: Any, data: bytes, rows: Rows
    ) -> None:
        lesion = factories.lesion(technician, patient)
        address = sender.begun(len(data), lesion=str(lesion.pk), modality="clinical")
        sender.send(address, 0, data)
        (image,) = rows(Instance)
        assert (image.lesion_id, image.modality) == (lesion.pk, "clinical")


class TestOnce:
    """Nothing is stored twice, however often it is sent."""

    def test_a_known_file_is_not_even_sent(self, sender: Sender, data: bytes, rows: Rows) -> None:
        sender.send(sender.begun(len(data)), 0, data)
        again = sender.begin(len(data), sha256=digest(data))
        (image,) = rows(Instance)
        assert again.status_code == 200
        assert f'data-image="{image.pk}"' in again.content.decode()
        assert len(rows(Upload)) == 1
        assert rows(Event, action="image.repeated")

    def test_after_a_reload_the_same_file_goes_on(
        self, sender: Sender, technician: Any, patient: Any, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data), sha256=digest(data))
        sender.send(address, 0, data[:1500])
        lesion = factories.lesion(technician, patient)
        again = sender.begin(len(data), sha256=digest(data), lesion=str(lesion.pk))
        assert (again.status_code, again.headers["Location"]) == (201, address)
        assert again.headers["Upload-Offset"] == "1500"
        assert sender.send(address, 1500, data[1500:]).status_code == 201
        (image,) = rows(Instance)
        assert (image.sha256, image.lesion_id) == (digest(data), lesion.pk)
        assert [event.detail for event in rows(Event, action="upload.resumed")] == [{"there": 1500}]

    def test_a_lost_answer_can_be_asked_for_again(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data))
        sender.send(address, 0, data)
        assert sender.asked(address).headers["Upload-Offset"] == str(len(data))
        again = sender.send(address, len(data), b"")
        (image,) = rows(Instance)
        assert again.status_code == 200
        assert f'data-image="{image.pk}"' in again.content.decode()

    def test_a_refusal_is_told_again_and_recorded_once(self, sender: Sender, rows: Rows) -> None:
        page = b"<html>" + bytes(2000)
        address = sender.begun(len(page), filename="a.jpg")
        first = sender.send(address, 0, page)
        again = sender.send(address, len(page), b"")
        assert first.status_code == again.status_code == 422
        assert first.json() == again.json()
        assert first.json()["code"] == "not-an-image"
        assert len(rows(Rejection)) == 1
        assert nothing_is_left(rows)

    def test_bytes_that_changed_on_their_way_are_refused(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data), sha256=digest(b"something else"))
        answer = sender.send(address, 0, data)
        assert answer.status_code == 460
        assert answer.json()["type"] == "urn:dermaclinic:problem:checksum-mismatch"
        assert not rows(Upload)
        assert nothing_is_left(rows)

    def test_a_part_with_a_checksum_is_whole_or_nothing(
        self, sender: Sender, data: bytes, rows: Rows
    ) -> None:
        address = sender.begun(len(data))
        good = base64.b64encode(hashlib.sha1(data[:500]).digest()).decode()  # noqa: S324 - tus asks for it
        wrong = sender.send(address, 0, data[:499], Upload_Checksum=f"sha1 {good}")
        assert wrong.status_code == 460
        assert rows(Upload)[0].offset == 0
        assert not list(vault().names())
        assert sender.send(address, 0, data[:500], Upload_Checksum="crc7 AA==").status_code == 400
        right = sender.send(address, 0, data[:500], Upload_Checksum=f"sha1 {good}")
        assert (right.status_code, right.headers["Upload-Offset"]) == (204, "500")

    def test_one_person_has_one_open_upload_of_a_file(
        self, sender: Sender, technician: Any, data: bytes, rows: Rows
    ) -> None:
        sender.begun(len(data), sha256=digest(data))
        (upload,) = rows(Upload)
        upload.pk = None
        with (
            pytest.raises(IntegrityError, match="one_open_upload_of_a_file"),
            clinic_context(technician.clinic_id),
            transaction.atomic(),
        ):
            Upload(**{f.attname: getattr(upload, f.attname) for f in Upload._meta.fields
                      if f.name != "id"}).save(force_insert=True)  # fmt: skip


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
        assert answer.status_code == 429
        assert "Choose them again or discard them" in answer.json()["detail"]
        assert len(rows(Upload)) == arriving.MOST_OPEN
        colleague = factories.actor(factories.clinic("Third Test Clinic"), "technician")
        theirs = factories.study(colleague, factories.patient(colleague))
        assert Sender(browser(colleague), theirs).begin(10).status_code == 201

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
