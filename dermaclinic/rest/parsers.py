"""Reading a request's body: JSON of a sane size and shape, or one file."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from dermaclinic.problems import TooLarge

MAX_DEPTH = 32
DRAIN_BYTES = 256 * 1024 * 1024
_CHUNK = 64 * 1024


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check_depth(data: Any) -> None:
    """RecursionError beyond MAX_DEPTH; looks at each value once, without recursion."""
    level = [data]
    for _depth in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        if not below:
            return
        level = below
    raise RecursionError


class JSON(parsers.BaseParser):
    """`application/json` in UTF-8, up to DATA_UPLOAD_MAX_MEMORY_SIZE.

    DRF's own parser reads without a limit, falls over deep nesting, and lets lone surrogates pass,
    which neither PostgreSQL nor an answer in UTF-8 can take.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge
        try:
            data = json.loads(raw.decode(), parse_constant=_refuse_constant)
            _check_depth(data)
            if b"\\u" in raw:
                json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None
        except ValueError:
            raise ParseError(_("This is not valid JSON in UTF-8.")) from None
        return data


class OneFile(parsers.MultiPartParser):
    """`multipart/form-data` with one file of up to `max_bytes`.

    A larger body is refused by its declared length and read away unseen, within reason: a client
    that is still sending would otherwise never see the answer.
    """

    max_bytes = 0
    overhead = 64 * 1024  # multipart headers and form fields around one file

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        declared = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        if declared > self.max_bytes + self.overhead:
            left = min(declared, DRAIN_BYTES)
            while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
                left -= len(chunk)
            raise TooLarge(self.too_large())
        return super().parse(stream, media_type, parser_context)

    def too_large(self) -> str:
        """The sentence for a file over the limit."""
        return str(TooLarge.default_detail)
