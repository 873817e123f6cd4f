"""Shapes of requests and problems. A field that a body may not have is an error, never ignored."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.settings import api_settings

_SHOWN = 60  # characters of an unknown field's name that an answer repeats


class Strict(serializers.Serializer[Any]):
    """A request's body or query. Unknown fields are refused: a typo, or an attempt."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if unknown:
                sentence = _("There is no such field here.")
                raise serializers.ValidationError(
                    {name[:_SHOWN]: [sentence] for name in unknown[:10]}
                )
        return super().to_internal_value(data)


class Nothing(Strict):
    """The body of a request that says everything in its address: empty, or `{}`."""


def valid(form: type[Strict], data: Any) -> dict[str, Any]:
    """The checked values of a body or query; DRF's ValidationError by field."""
    checked = form(data=data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


# RFC 9457 problem details; some problems say more.
PROBLEM = inline_serializer(
    name="Problem",
    fields={
        "type": serializers.CharField(help_text="urn:dermaclinic:problem:…, stable"),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(help_text="What was wrong and what to do."),
        "errors": serializers.DictField(
            required=False,
            help_text=f"By field; `{api_settings.NON_FIELD_ERRORS_KEY}` for the whole.",
        ),
    },
)
