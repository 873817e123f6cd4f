"""What the imaging endpoints take and answer."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from dermaclinic.rest.serializers import Strict
from imaging.models import Format, Instance, Modality, Quarantine, Study


class StudyIn(Strict):
    patient = serializers.UUIDField()
    acquired_at = serializers.DateTimeField(required=False, help_text="By default now.")


class UploadIn(Strict):
    file = serializers.FileField(
        allow_empty_file=True, help_text="A JPEG, PNG or DICOM file of up to 64 MB."
    )
    lesion = serializers.UUIDField(required=False, allow_null=True)
    modality = serializers.ChoiceField(
        required=False,
        choices=Modality.choices,
        help_text="How it was taken. By default what a DICOM file says of itself, else dermoscopy.",
    )


class AssignIn(Strict):
    lesion = serializers.UUIDField()


class ModalityIn(Strict):
    modality = serializers.ChoiceField(choices=Modality.choices)


class MoveIn(Strict):
    study = serializers.UUIDField(help_text="The visit to move to, of the same or another patient.")
    lesion = serializers.UUIDField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=2000)


class IdentifiersIn(Strict):
    mrn = serializers.CharField(required=False, max_length=40)
    family_name = serializers.CharField(required=False, max_length=100)
    given_name = serializers.CharField(required=False, max_length=100)
    birth_date = serializers.DateField(required=False)


class ResolveIn(Strict):
    accept = serializers.BooleanField(help_text="File the image, or discard it.")
    identifiers = IdentifiersIn(
        required=False, help_text="To accept: two, as they stand in the patient's record."
    )
    reason = serializers.CharField(max_length=2000)


class PredictionRef(serializers.Serializer[Any]):
    """An opinion that was asked for."""

    id = serializers.UUIDField()
    status = serializers.CharField(
        help_text="queued, running, ready, declined, failed or superseded."
    )


class UploadOut(serializers.Serializer[Any]):
    """`predictions` is empty when the patient opted out, or when no model reads such images."""

    id = serializers.UUIDField()
    sha256 = serializers.CharField(help_text="Of the bytes as received.")
    predictions = PredictionRef(many=True)


class InstanceOut(serializers.ModelSerializer[Instance]):
    """`predictions` are newest first."""

    format = serializers.ChoiceField(choices=Format.choices)
    modality = serializers.ChoiceField(choices=Modality.choices)
    predictions = serializers.SerializerMethodField()
    image_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        model = Instance
        fields: ClassVar = [
            "id",
            "study",
            "patient",
            "lesion",
            "sha256",
            "format",
            "modality",
            "media_type",
            "width",
            "height",
            "sop_instance_uid",
            "source",
            "quality",
            "created_at",
            "image_url",
            "thumbnail_url",
            "predictions",
        ]
        read_only_fields: ClassVar = fields

    @extend_schema_field(PredictionRef(many=True))
    def get_predictions(self, instance: Instance) -> Any:
        return PredictionRef(newest_first(instance), many=True).data

    @extend_schema_field(serializers.URLField())
    def get_image_url(self, instance: Instance) -> str:
        return self._url("api-instance-image", instance)

    @extend_schema_field(serializers.URLField())
    def get_thumbnail_url(self, instance: Instance) -> str:
        return self._url("api-instance-thumbnail", instance)

    def _url(self, name: str, instance: Instance) -> str:
        return reverse(name, args=[instance.pk], request=self.context.get("request"))


def newest_first(instance: Instance) -> list[Any]:
    """An image's opinions. Call it inside the clinic's context."""
    found = instance.predictions.all()
    return sorted(found, key=lambda each: (each.rerun, each.requested_at), reverse=True)


class StudyOut(serializers.ModelSerializer[Study]):
    instances = InstanceOut(many=True)

    class Meta:
        model = Study
        fields: ClassVar = [
            "id",
            "patient",
            "acquired_at",
            "study_instance_uid",
            "created_at",
            "instances",
        ]
        read_only_fields: ClassVar = fields


class QuarantineOut(serializers.ModelSerializer[Quarantine]):
    """An image whose patient is in doubt; `differences` is empty once it is settled."""

    kind = serializers.ChoiceField(choices=Quarantine.Kind.choices)
    resolution = serializers.ChoiceField(choices=Quarantine.Resolution.choices)
    differences = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="By field, what the `file` says and what the `record` says.",
    )
    identifiers = serializers.ListField(
        child=serializers.CharField(), help_text="Which identifiers were confirmed."
    )

    class Meta:
        model = Quarantine
        fields: ClassVar = [
            "id",
            "patient",
            "study",
            "lesion",
            "kind",
            "differences",
            "sha256",
            "created_at",
            "resolution",
            "resolved_at",
            "identifiers",
            "reason",
            "instance",
        ]
        read_only_fields: ClassVar = fields
