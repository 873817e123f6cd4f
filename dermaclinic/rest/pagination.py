"""Cursor pages: `{next, results}`. A cursor is the place of the last row shown, encrypted.

Lists keep their own order and say where the next rows begin. A place may tell what no address may
(the worklist's holds a probability), and only what a list said itself reaches its query.
"""

from typing import Any

from cryptography.fernet import InvalidToken
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from dermaclinic.errors import Invalid
from dermaclinic.rest.sealing import cipher
from dermaclinic.rest.serializers import Strict

PURPOSE = "dermaclinic.cursor"


class PageQuery(Strict):
    """The query of a list; lists with filters add theirs."""

    cursor = serializers.CharField(
        required=False, default="", max_length=500, help_text="From `next` of the page before."
    )


def cursor_at(place: str) -> str:
    """The cursor that stands for a place; "" for none."""
    return cipher(PURPOSE).encrypt(place.encode()).decode() if place else ""


def place(cursor: str) -> str:
    """The place that a cursor stands for, "" for none; Invalid when it is not one of ours."""
    if not cursor:
        return ""
    try:
        return cipher(PURPOSE).decrypt(cursor.encode()).decode()
    except InvalidToken as error:
        sentence = _("This cursor is not valid. Begin again with the first page.")
        raise Invalid(sentence, errors={"cursor": [sentence]}) from error


def page(request: Request, results: Any, *, after: str) -> Response:
    """A page's answer; `after` is the place of its last row, "" at the end of the list."""
    here = request.build_absolute_uri()
    cursor = cursor_at(after)
    link = replace_query_param(here, "cursor", cursor) if cursor else None
    return Response({"next": link, "results": results})


def page_of(row: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """The schema of a page of rows."""
    return inline_serializer(
        name=f"{row.__name__}Page",
        fields={
            "next": serializers.URLField(
                allow_null=True, help_text="The next page; null at the end."
            ),
            "results": row(many=True),
        },
    )
