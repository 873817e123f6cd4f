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
from dermaclinic.rest.idempotency import idempotent
from dermaclinic.rest.schema import file_response, operation
from dermaclinic.rest.serializers import Nothing
from dermaclinic.rest.views import Endpoint, binary, reading
from inference import selectors, veil
from inference.lens import Lens, Shown
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


class ExtentOut(serializers.Serializer[Any]):
    """How large the lesion is inside of its outline."""

    diameter_mm = serializers.FloatField(help_text="The greatest, millimetres.")
    area_mm2 = serializers.FloatField(help_text="Square millimetres.")


class AtPrevalenceOut(serializers.Serializer[Shown]):
    """The opinion moved to the prevalence that the clinic has declared."""

    prevalence = serializers.FloatField(source="declared")
    trained_prevalence = serializers.FloatField(source="trained")
    malignant_probability = serializers.FloatField(source="malignant")
    differential = DiagnosisOut(source="lines", many=True)
    ppv = serializers.FloatField(source="values.positive", default=None, allow_null=True)
    npv = serializers.FloatField(source="values.negative", default=None, allow_null=True)


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
    prediction_set_95 = serializers.SerializerMethodField(help_text="The same, 95 of 100.")
    image_only = serializers.SerializerMethodField(
        help_text="With nothing told but the image. Null where the model does not compare."
    )
    triage_score = serializers.SerializerMethodField(
        help_text="The greater of the malignant probabilities with and without metadata."
    )
    at_prevalence = serializers.SerializerMethodField(
        help_text="At the clinic's declared prevalence. Null while it has declared none."
    )
    operating_point = serializers.SerializerMethodField(help_text="The one that decides.")
    operating_points = serializers.SerializerMethodField(help_text="One for each class's target.")
    limited = serializers.SerializerMethodField(
        help_text="Codes of what makes the opinion a limited one."
    )
    quality = serializers.SerializerMethodField()
    declined_reason = serializers.SerializerMethodField()
    saliency_url = serializers.SerializerMethodField(
        help_text="A transparent PNG to lie over the image: the first class."
    )
    melanoma_saliency_url = serializers.SerializerMethodField(help_text="The same for melanoma.")
    mask_url = serializers.SerializerMethodField(
        help_text="A PNG of the image's size: 255 inside of the lesion, 0 outside."
    )
    extent = serializers.SerializerMethodField(
        help_text="Of the outlined lesion. Null unless the image's scale is known."
    )
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
            "prediction_set_95",
            "image_only",
            "triage_score",
            "at_prevalence",
            "operating_point",
            "operating_points",
            "limited",
            "quality",
            "declined_reason",
            "saliency_url",
            "melanoma_saliency_url",
            "mask_url",
            "extent",
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
        return self._set(prediction, "90")

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_prediction_set_95(self, prediction: Prediction) -> list[str] | None:
        return self._set(prediction, "95")

    def _set(self, prediction: Prediction, coverage: str) -> list[str] | None:
        if prediction.status != Status.READY:
            return None
        return [line.code for line in selectors.prediction_set(prediction, coverage)]

    @extend_schema_field(DiagnosisOut(many=True, allow_null=True))
    def get_image_only(self, prediction: Prediction) -> Any:
        lines = selectors.differential(prediction)
        if not lines or any(line.image_only is None for line in lines):
            return None
        alone = sorted(lines, key=lambda line: -(line.image_only or 0))
        return [
            {"code": line.code, "display": line.display, "probability": line.image_only}
            for line in alone
        ]

    def get_triage_score(self, prediction: Prediction) -> float | None:
        return (prediction.result or {}).get("triage_score")

    @extend_schema_field(AtPrevalenceOut(allow_null=True))
    def get_at_prevalence(self, prediction: Prediction) -> Any:
        if prediction.status != Status.READY:
            return None
        shown = Lens.of().shown(prediction)
        if shown is None or shown.declared is None:
            return None
        return AtPrevalenceOut(shown).data

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_operating_point(self, prediction: Prediction) -> Any:
        return (prediction.result or {}).get("operating_point")

    @extend_schema_field(serializers.ListField(child=serializers.DictField()))
    def get_operating_points(self, prediction: Prediction) -> Any:
        return (prediction.result or {}).get("operating_points") or []

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_limited(self, prediction: Prediction) -> Any:
        return (prediction.result or {}).get("limited") or []

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_quality(self, prediction: Prediction) -> Any:
        return (prediction.result or {}).get("quality")

    def get_declined_reason(self, prediction: Prediction) -> str | None:
        return prediction.declined_reason or None

    def get_error(self, prediction: Prediction) -> str | None:
        return prediction.error or None

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_saliency_url(self, prediction: Prediction) -> str | None:
        return self._url("api-prediction-saliency", prediction, prediction.saliency)

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_melanoma_saliency_url(self, prediction: Prediction) -> str | None:
        return self._url("api-prediction-melanoma", prediction, prediction.melanoma_saliency)

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_mask_url(self, prediction: Prediction) -> str | None:
        return self._url("api-prediction-mask", prediction, prediction.mask)

    @extend_schema_field(ExtentOut(allow_null=True))
    def get_extent(self, prediction: Prediction) -> Any:
        found = selectors.extent(prediction)
        return ExtentOut(found).data if found else None

    def _url(self, name: str, prediction: Prediction, picture: object) -> str | None:
        if picture is None:
            return None
        return reverse(name, args=[prediction.pk], request=self.context.get("request"))


def _open(view: Endpoint, prediction_id: uuid.UUID) -> Prediction:
    """An opinion to be shown. A browser's session gets what its pages would show, and no more: in a
    clinic that is blinded first, Veiled before the diagnosis. A token is a script's.
    """
    prediction = selectors.find(view.actor, prediction_id)
    if view.by_session:
        veil.require_open(view.actor, prediction)
    return prediction


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
        description="A doctor's browser session gets it once a diagnosis is on record; 403 before.",
        responses={200: PredictionOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, prediction_id: uuid.UUID) -> Response:
        prediction = _open(self, prediction_id)
        if not prediction.pending:  # waiting for it shows nothing yet
            audit.viewed_prediction(self.actor, prediction)
        return Response(PredictionOut(prediction, context={"request": request}).data)


class Picture(Endpoint):
    """An endpoint that answers with a picture, a look each time."""

    def picture(self, prediction: Prediction, what: str, data: bytes) -> HttpResponse:
        """The answer; NotFound has been raised where there is none."""
        audit.viewed_prediction(self.actor, prediction)
        return binary(self.request, data, "image/png", etag=f'"{prediction.pk}-{what}"')


class PredictionSaliency(Picture):
    @operation(
        "predictions_saliency",
        "Look at an opinion's heat map",
        responses=file_response("image/png", "Transparent, in the proportions of the image."),
        problems=[404],
    )
    @reading
    def get(self, request: Request, prediction_id: uuid.UUID) -> HttpResponse:
        prediction = _open(self, prediction_id)
        return self.picture(prediction, "first", selectors.heat_map(prediction))


class PredictionMelanoma(Picture):
    @operation(
        "predictions_melanoma_saliency",
        "Look at an opinion's heat map of melanoma",
        responses=file_response("image/png", "Transparent, in the proportions of the image."),
        problems=[404],
    )
    @reading
    def get(self, request: Request, prediction_id: uuid.UUID) -> HttpResponse:
        prediction = _open(self, prediction_id)
        return self.picture(prediction, "mel", selectors.heat_map(prediction, melanoma=True))


class PredictionMask(Picture):
    @operation(
        "predictions_mask",
        "Look at the lesion that was found in an image",
        responses=file_response("image/png", "In the image's size: 255 inside, 0 outside."),
        problems=[404],
    )
    @reading
    def get(self, request: Request, prediction_id: uuid.UUID) -> HttpResponse:
        prediction = _open(self, prediction_id)
        return self.picture(prediction, "mask", selectors.mask(prediction))


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
