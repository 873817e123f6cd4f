"""Files in parts, over the protocol: what arrives is the file, whatever broke off in between."""

import base64
import hashlib
import io
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from imaging.models import Instance, Rejection, Upload, UploadPart
from imaging.resumable.protocol import CHUNK_TYPE, MOST_AT_ONCE
from imaging.storage import vault
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
from tests.pages.conftest import at_desk, rows, strangers

__all__ = ["at_desk", "data", "patient", "rows", "sender", "strangers", "study"]  # fixtures

pytestmark = pytest.mark.django_db


class Broken(io.BytesIO):
    """A body whose sender has gone."""

    def read(self, size: int | None = -1) -> bytes:
        if found := super().read(size):
            return found
        raise ConnectionResetError


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
