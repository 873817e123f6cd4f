"""Second readings over REST: what waits for one, claiming it, and recording it blind."""

import uuid
from typing import Any, ClassVar

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.templatetags.ui import age
from dermaclinic.errors import Conflict
from dermaclinic.rest.idempotency import idempotent
from dermaclinic.rest.pagination import PageQuery, page, page_of, place
from dermaclinic.rest.schema import operation
from dermaclinic.rest.serializers import Nothing, Strict
from dermaclinic.rest.views import Endpoint, reading
from imaging.models import Instance
from patients.models import Sex
from reports.models import Management, SecondReading
from reports.second_reading import selectors, services
from reports.second_reading.blind import COMPARED
from reports.second_reading.selectors import WaitingRow

PAGE = 25


class SecondReadingIn(Strict):
    diagnoses = serializers.ListField(
        child=serializers.CharField(max_length=18), min_length=1, max_length=3,
        help_text="SNOMED CT codes, the most likely first.",
    )  # fmt: skip
    management = serializers.ChoiceField(choices=Management.choices)
    due = serializers.DateField(
        required=False, allow_null=True, help_text="With `monitor`, and only then."
    )
    comment = serializers.CharField(required=False, allow_blank=True, max_length=4000)


class PictureOut(serializers.Serializer[Instance]):
    """An image of the lesion; nothing tells whose it is."""

    id = serializers.UUIDField(source="pk")
    image_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()

    @extend_schema_field(serializers.URLField())
    def get_image_url(self, image: Instance) -> str:
        return self._address("api-instance-image", image)

    @extend_schema_field(serializers.URLField())
    def get_thumbnail_url(self, image: Instance) -> str:
        return self._address("api-instance-thumbnail", image)

    def _address(self, name: str, image: Instance) -> str:
        return str(reverse(name, args=[image.pk], request=self.context.get("request")))


class SecondReadingWaitingOut(serializers.Serializer[Any]):
    """A lesion to be read blind. `claimed_by` and `claimed_until` are of a live claim."""

    id = serializers.UUIDField(source="reading.pk")
    asked_at = serializers.DateTimeField(source="reading.asked_at")
    age = serializers.SerializerMethodField(help_text="In years, on the day of the visit.")
    sex = serializers.ChoiceField(choices=Sex.choices, source="reading.patient.sex")
    body_site = serializers.CharField(source="reading.lesion.body_site")
    laterality = serializers.CharField(source="reading.lesion.laterality")
    images = PictureOut(many=True)
    claimed_by = serializers.UUIDField(source="holder.pk", allow_null=True, default=None)
    claimed_until = serializers.SerializerMethodField()

    def get_age(self, row: WaitingRow) -> int:
        return age(row.reading.patient.birth_date, row.reading.study.acquired_at.date())

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_claimed_until(self, row: WaitingRow) -> Any:
        return row.reading.claim_expires_at if row.holder else None


class SecondReadingClaimOut(serializers.ModelSerializer[SecondReading]):
    claimed_until = serializers.DateTimeField(source="claim_expires_at")

    class Meta:
        model = SecondReading
        fields: ClassVar = ["id", "claimed_by", "claimed_until"]
        read_only_fields: ClassVar = fields


class SecondReadingOut(serializers.ModelSerializer[SecondReading]):
    """A reading that was done. `first` is the assessment it was computed against.

    One that differs stays open, `closed_at` null, until the doctors have agreed.
    """

    diagnoses = serializers.ListField(child=serializers.CharField())
    management = serializers.ChoiceField(choices=Management.choices)
    outcome = serializers.ChoiceField(choices=SecondReading.Outcome.choices)
    closed_why = serializers.CharField(help_text="Empty while it is open.")

    class Meta:
        model = SecondReading
        fields: ClassVar = [
            "id", "patient", "study", "lesion", "first", "asked_at", "reader", "diagnoses",
            "management", "due", "comment", "read_at", "outcome", "closed_at", "closed_why",
        ]  # fmt: skip
        read_only_fields: ClassVar = fields


class SecondReadingList(Endpoint):
    @operation(
        "second_readings_list",
        "See which lesions wait for you to read them a second time, oldest first",
        description="Images, age, sex and site alone: a second reading is blind. Whoever has "
        "opened the patient's record since the visit is not offered it.",
        query=PageQuery,
        responses={200: page_of(SecondReadingWaitingOut)},
    )
    @reading
    def get(self, request: Request) -> Response:
        policies.require(self.actor, "add", SecondReading)
        rows = selectors.readable(self.actor).order_by("asked_at", "id")
        rows = rows.select_related("first", "lesion", "patient", "study", "claimed_by")
        if after := place(self.query(PageQuery)["cursor"]):
            at, _space, pk = after.partition(" ")
            rows = rows.filter(Q(asked_at__gt=at) | Q(asked_at=at, pk__gt=pk))
        found = list(rows[: PAGE + 1])
        shown = found[:PAGE]
        audit.viewed_second_readings(
            self.actor,
            shown=dict.fromkeys(each.patient_id for each in shown),
            readings=[each.pk for each in shown],
        )
        told = SecondReadingWaitingOut(
            selectors.waiting_rows(self.actor, shown), many=True, context={"request": request}
        )
        more = len(found) > PAGE
        last = f"{shown[-1].asked_at.isoformat()} {shown[-1].pk}" if more else ""
        return page(request, told.data, after=last)


class SecondReadingDetail(Endpoint):
    @operation(
        "second_readings_read",
        "Read a second reading that was done",
        responses={200: SecondReadingOut},
        problems=[404, 409],
    )
    @reading
    def get(self, request: Request, reading_id: uuid.UUID) -> Response:
        found = policies.find(self.actor, "view", SecondReading.objects.all(), pk=reading_id)
        audit.viewed_second_reading(
            self.actor, found, form=COMPARED if found.read_at else selectors.State.COVER.value
        )
        if found.read_at is None:
            raise Conflict(_("Nobody has read it a second time yet."))
        return Response(SecondReadingOut(found).data)


class SecondReadingClaim(Endpoint):
    @operation(
        "second_readings_claim",
        "Take a second reading",
        description="For 30 minutes; once more prolongs it. Meanwhile the patient's record is "
        "closed to you but for the images.",
        request=Nothing,
        responses={200: SecondReadingClaimOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, reading_id: uuid.UUID) -> Response:
        self.body(Nothing)
        made = services.claim(actor=self.actor, reading_id=reading_id)
        return Response(SecondReadingClaimOut(made).data)


class SecondReadingRelease(Endpoint):
    @operation(
        "second_readings_release",
        "Give a second reading back",
        request=Nothing,
        responses={204: None},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, reading_id: uuid.UUID) -> Response:
        self.body(Nothing)
        services.release(actor=self.actor, reading_id=reading_id)
        return Response(status=204)


class SecondReadingRecord(Endpoint):
    @operation(
        "second_readings_record",
        "Record a second reading that you hold",
        description="How it stands to the first one is computed. Where they differ, the doctors "
        "decide together.",
        request=SecondReadingIn,
        responses={201: SecondReadingOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, reading_id: uuid.UUID) -> Response:
        asked = self.body(SecondReadingIn)
        made = services.record(actor=self.actor, reading_id=reading_id, **asked)
        return Response(SecondReadingOut(made).data, 201)
