"""What the OpenAPI document says of an endpoint: summary, shapes, and each problem it answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse, extend_schema

from dermaclinic.accounts import scopes
from dermaclinic.problems import PROBLEM_JSON
from dermaclinic.rest.serializers import PROBLEM

F = TypeVar("F", bound=Callable[..., Any])

IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    location=OpenApiParameter.HEADER,
    pattern="^[ -~]{1,200}$",
    description="A key of your own for this request, 1 to 200 printable ASCII characters. Repeats "
    "within a day get the first answer again, marked `Idempotency-Replayed: true`.",
)
MEANING = {
    400: "The request does not make sense; `errors` says which fields.",
    401: "No valid token or session.",
    403: "The role does not allow this.",
    404: "There is nothing here, or it is another clinic's.",
    409: "It contradicts what is on record.",
    413: "The body is too large.",
    415: "The body is of the wrong media type.",
    422: "It was understood and refused; or an Idempotency-Key was used for another request.",
    429: "Too many requests; `Retry-After` says for how many seconds to wait.",
    503: "A needed part does not answer; try again later.",
}


class Operation(AutoSchema):
    """Docstrings are for those who read the code: `operation` says what the document tells."""

    def get_description(self) -> str:  # type: ignore[override]  # as in drf-spectacular
        return ""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """With the scope that a token needs, where one can be used at all."""
        found = super().get_operation(*args, **kwargs)
        if found is not None and self.get_auth():
            found["x-token-scope"] = scopes.needed(self.path, self.method)
        return dict(found) if found is not None else None


class StrictBody(OpenApiSerializerExtension):
    """A body takes the fields that it names and no others."""

    target_class = "dermaclinic.rest.serializers.Strict"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        found = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001 - as its documentation says
        if not vars(_class_of(self.target))["__doc__"]:
            found.pop("description", None)
        return {**found, "additionalProperties": False}


def _class_of(target: Any) -> type:
    return target if isinstance(target, type) else type(target)


def operation(
    operation_id: str,
    summary: str,
    *,
    responses: Mapping[Any, Any],
    request: Any = None,
    query: Any = None,
    problems: Sequence[int] = (),
    signed_in: bool = True,
    description: str = "",
) -> Callable[[F], F]:
    """Describe a method, from above `@idempotent`.

    `problems` adds statuses to those that follow from what the method takes.
    """
    statuses = {429, 503, *problems}
    if signed_in:
        statuses |= {401, 403}
    if request is not None:
        statuses |= {400, 413, 415}
    if query is not None:
        statuses |= {400}

    def describe(handler: F) -> F:
        repeats = getattr(handler, "idempotent", False)
        found = {
            (status, PROBLEM_JSON): OpenApiResponse(PROBLEM, description=MEANING[status])
            for status in sorted(statuses | ({409, 422} if repeats else set()))
        }
        described = extend_schema(
            operation_id=operation_id,
            tags=[operation_id.partition("_")[0]],
            summary=summary,
            description=description,
            request=request,
            parameters=[each for each in (query, repeats and IDEMPOTENCY_KEY) if each],
            responses={**responses, **found},
        )
        return described(handler)

    return describe


def file_response(media_type: str, description: str) -> dict[Any, Any]:
    """The `responses` of an address that answers with bytes."""
    return {(200, media_type): OpenApiResponse(OpenApiTypes.BINARY, description=description)}
