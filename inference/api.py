"""Opinions over REST: what a model said of an image, and where it saw it."""

import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from dermaclinic import audit
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound
from dermaclinic.rest.idempotency import idempotent
from dermaclinic.rest.schema import file_response, operation
from dermaclinic.rest.serializers import Nothing
from dermaclinic.rest.views import Endpoint, binary, reading
from inference import heatmap, selectors
from inference.models import ModelVersion, Prediction, Status
from inference.services import requests


class ModelOut(serializers.ModelSerializer[ModelVersion]):
    class Meta:
        model = ModelVersion
        fields = ("name", "version", "sha256")
        read_only_fields = fields


class DiagnosisOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="SNOMED CT")
    display = serializers.CharField()
    probability = serializers.FloatField(min_value=0, max_value=1)


class PredictionOut(serializers.ModelSerializer[Prediction]):
    """An opinion. What there is only of a `ready` one is null or empty for the others."""

    status = serializers.ChoiceField(choices=Status.choices)
    model = ModelOut(source="model_version")
    differential = serializers.SerializerMethodField(help_text="Most likely first.")
    malignant_probability = serializers.FloatField(allow_null=True, min_value=0, max_value=1)
    triage = serializers.CharField(help_text="urgent, routine, or empty.")
    prediction_set = serializers.SerializerMethodField(
        help_text="The codes that hold the truth in 90 of 100 such images."
    )
    operating_point = serializers.SerializerMethodField()
    quality = serializers.SerializerMethodField()
    declined_reason = serializers.SerializerMethodField()
    saliency_url = serializers.SerializerMethodField(
        help_text="A transparent PNG to lie over the image."
    )
    mask_url = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    class Meta:
        model = Prediction
        fields = (
            "id",
            "instance",
            "status",
            "model",
            "differential",
            "malignant_probability",
            "triage",
            "prediction_set",
            "operating_point",
            "quality",
            "declined_reason",
            "saliency_url",
            "mask_url",
            "error",
            "requested_at",
            "finished_at",
        )
        read_only_fields = fields

    @extend_schema_field(DiagnosisOut(many=True))
    def get_differential(self, prediction: Prediction) -> Any:
        return DiagnosisOut(selectors.differential(prediction), many=True).data

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_prediction_set(self, prediction: Prediction) -> list[str] | None:
        if prediction.status != Status.READY:
            return None
        return [diagnosis.code for diagnosis in selectors.prediction_set(prediction)]

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_operating_point(self, prediction: Prediction) -> Any:
        return (prediction.result or {}).get("operating_point")

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_quality(self, prediction: Prediction) -> Any:
        return (prediction.result or {}).get("quality")

    def get_declined_reason(self, prediction: Prediction) -> str | None:
        return prediction.declined_reason or None

    def get_error(self, prediction: Prediction) -> str | None:
        return prediction.error or None

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_saliency_url(self, prediction: Prediction) -> str | None:
        if prediction.saliency is None:
            return None
        request = self.context.get("request")
        return reverse("api-prediction-saliency", args=[prediction.pk], request=request)

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_mask_url(self, prediction: Prediction) -> str | None:
        """Null: no model of this version outlines the lesion."""
        return None


class InstancePredictions(Endpoint):
    @operation(
        "instances_predictions_request",
        "Ask for the first opinion on an image that has none",
        description="For an image that came before a model was active or the patient agreed.",
        request=Nothing,
        responses={201: PredictionOut},
        problems=[404, 409, 503],
    )
    @idempotent
    def post(self, request: Request, instance_id: uuid.UUID) -> Response:
        self.body(Nothing)
        prediction = requests.request_first(actor=self.actor, instance_id=instance_id)
        with clinic_context(self.actor.clinic_id):
            return Response(PredictionOut(prediction, context={"request": request}).data, 201)


class PredictionDetail(Endpoint):
    @operation(
        "predictions_read",
        "Read an opinion",
        responses={200: PredictionOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, prediction_id: uuid.UUID) -> Response:
        prediction = selectors.find(self.actor, prediction_id)
        if not prediction.pending:  # waiting for it shows nothing yet
            audit.viewed_prediction(self.actor, prediction)
        return Response(PredictionOut(prediction, context={"request": request}).data)


class PredictionSaliency(Endpoint):
    @operation(
        "predictions_saliency",
        "Look at an opinion's heat map",
        responses=file_response("image/png", "Transparent, in the proportions of the image."),
        problems=[404],
    )
    @reading
    def get(self, request: Request, prediction_id: uuid.UUID) -> HttpResponse:
        prediction = selectors.find(self.actor, prediction_id)
        if prediction.saliency is None or prediction.saliency_shape is None:
            raise NotFound
        audit.viewed_prediction(self.actor, prediction)
        size = (prediction.instance.width, prediction.instance.height)
        picture = heatmap.png(bytes(prediction.saliency), prediction.saliency_shape, size)
        return binary(request, picture, "image/png", etag=f'"{prediction.pk}"')


class PredictionRerun(Endpoint):
    @operation(
        "predictions_rerun",
        "Ask the active model for another opinion on the same image",
        request=Nothing,
        responses={201: PredictionOut},
        problems=[404, 409, 503],
    )
    @idempotent
    def post(self, request: Request, prediction_id: uuid.UUID) -> Response:
        self.body(Nothing)
        prediction = requests.rerun(actor=self.actor, prediction_id=prediction_id)
        with clinic_context(self.actor.clinic_id):
            return Response(PredictionOut(prediction, context={"request": request}).data, 201)
