"""A sender of files in parts, as the protocol has it, over Django's own client."""

import base64
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import reverse

from imaging.resumable.protocol import CHUNK_TYPE, VERSION

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
