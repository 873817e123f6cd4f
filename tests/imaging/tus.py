"""A sender of files in parts, as the protocol has it, over Django's own client; and fixtures."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from imaging.models import Instance, UploadPart
from imaging.resumable.protocol import CHUNK_TYPE, VERSION
from imaging.storage import vault
from tests import factories
from tests.imaging import files

Rows = Callable[..., list[Any]]

TUS = {"Tus-Resumable": VERSION}


def encoded(**metadata: str) -> str:
    """Upload-Metadata."""
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items()
    )


@dataclass
class Sender:
    client: Client
    study: Any

    def begin(self, length: int | str, headers: dict[str, str] | None = None, **meta: str) -> Any:
        """Announce a file."""
        said = {**TUS, "Upload-Length": str(length), "Upload-Metadata": encoded(**meta)}
        address = reverse("imaging:uploads", args=[self.study.pk])
        return self.client.post(
            address, b"", content_type="application/octet-stream", headers=said | (headers or {})
        )

    def begun(self, length: int, **meta: str) -> str:
        """Announce a file that is taken; the address of its upload."""
        answer = self.begin(length, **meta)
        assert answer.status_code == 201, answer.content
        return str(answer.headers["Location"])

    def send(self, address: str, at: int | str, data: bytes, **headers: str) -> Any:
        """A part."""
        said = {**TUS, "Upload-Offset": str(at)}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.patch(address, data, content_type=CHUNK_TYPE, headers=said)

    def asked(self, address: str) -> Any:
        """How far it is."""
        return self.client.head(address, headers=TUS)

    def give_up(self, address: str) -> Any:
        return self.client.delete(address, headers=TUS)


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician)


@pytest.fixture
def study(technician: Any, patient: Any) -> Any:
    return factories.study(technician, patient)


@pytest.fixture
def sender(at_desk: Client, study: Any) -> Sender:
    """A technician's browser at a visit."""
    return Sender(at_desk, study)


@pytest.fixture
def data() -> bytes:
    """A photograph."""
    return files.jpeg(files.texture())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def nothing_is_left(rows: Rows) -> bool:
    """No image, and no bytes of one."""
    return not rows(Instance) and not rows(UploadPart) and not list(vault().names())
