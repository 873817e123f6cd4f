"""The audit over REST, for the administrator: who did and saw what, newest first."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dermaclinic.audit import groups, selectors
from dermaclinic.audit.models import Event, Outcome
from dermaclinic.rest.pagination import PageQuery, page, page_of, place
from dermaclinic.rest.schema import operation
from dermaclinic.rest.views import Endpoint, reading


class Moment(serializers.DateTimeField):
    """A day or a moment, in ISO 8601."""

    def to_internal_value(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) == len("2026-01-02"):
            return serializers.DateField().run_validation(value)
        return super().to_internal_value(value)


class EventsQuery(PageQuery):
    patient = serializers.UUIDField(
        required=False, help_text="What was done to, or showed, this patient."
    )
    actor = serializers.UUIDField(required=False, help_text="A person's id.")
    action = serializers.CharField(
        required=False,
        max_length=60,
        help_text="For example image.viewed; or a group, for example group.images.",
    )
    outcome = serializers.ChoiceField(required=False, choices=Outcome.choices)
    purpose = serializers.ChoiceField(
        required=False,
        choices=list(groups.PURPOSES),
        help_text="Why, in HL7 v3 PurposeOfUse codes.",
    )
    since = Moment(required=False, help_text="The first day, or a moment.")
    until = Moment(required=False, help_text="The last day, or the moment before which.")


class EventOut(serializers.ModelSerializer[Event]):
    """`number` is the one that reports print; `sealed` events stand under a signature."""

    id = serializers.UUIDField(source="uid")
    number = serializers.IntegerField(source="pk")
    actor = serializers.UUIDField(source="actor_id", allow_null=True)
    actor_name = serializers.SerializerMethodField()
    patient = serializers.UUIDField(source="patient_id", allow_null=True)
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    detail = serializers.DictField()
    sealed = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields: ClassVar = [
            "id",
            "number",
            "at",
            "actor",
            "actor_name",
            "role",
            "action",
            "object_type",
            "object_id",
            "patient",
            "outcome",
            "purpose",
            "request_id",
            "address",
            "detail",
            "sealed",
        ]
        read_only_fields: ClassVar = fields

    def get_actor_name(self, event: Event) -> str:
        return event.actor.full_name if event.actor else event.role

    def get_sealed(self, event: Event) -> bool:
        return hasattr(event, "sealed")


class EventList(Endpoint):
    @operation(
        "audit_events",
        "Read the audit",
        query=EventsQuery,
        responses={200: page_of(EventOut)},
    )
    @reading
    def get(self, request: Request) -> Response:
        asked: dict[str, Any] = self.query(EventsQuery)
        before = place(asked.pop("cursor"))
        filters = asked | {"thumbnails": True}
        if "actor" in asked:
            filters["actor"] = str(asked["actor"])
        found = selectors.events(actor=self.actor, filters=filters, before=before)
        return page(request, EventOut(found.events, many=True).data, after=found.older)
