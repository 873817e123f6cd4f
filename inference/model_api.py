"""The model registry over REST: what is registered, which one answers, and choosing another."""

import uuid
from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dermaclinic.accounts.actor import Actor
from dermaclinic.rest.idempotency import idempotent
from dermaclinic.rest.schema import operation
from dermaclinic.rest.serializers import Nothing
from dermaclinic.rest.views import Endpoint, reading
from inference import figures, registry
from inference.models import ModelVersion
from inference.services import models, shadow

FIELDS = ("id", "name", "version", "sha256", "modality", "active", "shadow", "registered_at")


class ModelVersionOut(serializers.ModelSerializer[ModelVersion]):
    """A registered model. `active`: it answers for images of its modality."""

    class Meta:
        model = ModelVersion
        fields = FIELDS
        read_only_fields = fields


class ModelDetailOut(serializers.ModelSerializer[ModelVersion]):
    """The same with what was measured of it."""

    intended_use = serializers.SerializerMethodField()
    metrics = serializers.SerializerMethodField(help_text="As `manage.py evaluate` writes them.")

    class Meta:
        model = ModelVersion
        fields = (*FIELDS, "intended_use", "metrics", "card")
        read_only_fields = fields

    def get_intended_use(self, model: ModelVersion) -> str:
        return str(model.manifest.get("intended_use", ""))

    @extend_schema_field(serializers.DictField())
    def get_metrics(self, model: ModelVersion) -> dict[str, Any]:
        return figures.of(model)


class ModelList(Endpoint):
    @operation(
        "models_list",
        "See the registered models, those of one kind of image together",
        responses={200: ModelVersionOut(many=True)},
    )
    @reading
    def get(self, request: Request) -> Response:
        return Response(ModelVersionOut(registry.listed(self.actor), many=True).data)


class ModelDetail(Endpoint):
    @operation(
        "models_read",
        "Read what a model is for and how well it does",
        responses={200: ModelDetailOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, model_id: uuid.UUID) -> Response:
        return Response(ModelDetailOut(registry.find(self.actor, model_id)).data)


class _Change(Endpoint):
    """A change of which model does what, by an administrator; in all clinics of the server."""

    def _made(self, change: Callable[..., ModelVersion], model_id: uuid.UUID) -> Response:
        self.body(Nothing)
        actor: Actor = self.actor
        return Response(ModelVersionOut(change(actor=actor, model_id=model_id)).data)


class ModelActivate(_Change):
    @operation(
        "models_activate",
        "Let a model answer from now on",
        request=Nothing,
        responses={200: ModelVersionOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, model_id: uuid.UUID) -> Response:
        return self._made(models.activate, model_id)


class ModelDeactivate(_Change):
    @operation(
        "models_deactivate",
        "Take the active model out of service",
        request=Nothing,
        responses={200: ModelVersionOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, model_id: uuid.UUID) -> Response:
        return self._made(models.deactivate, model_id)


class ModelRollBack(_Change):
    @operation(
        "models_roll_back",
        "From the active model back to the one that answered before; answers with that one",
        request=Nothing,
        responses={200: ModelVersionOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, model_id: uuid.UUID) -> Response:
        return self._made(models.roll_back, model_id)


class ModelShadow(_Change):
    @operation(
        "models_shadow",
        "Let a model run in the shadow of the active one",
        request=Nothing,
        responses={200: ModelVersionOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, model_id: uuid.UUID) -> Response:
        return self._made(shadow.start, model_id)


class ModelStopShadow(_Change):
    @operation(
        "models_stop_shadow",
        "Let a model no longer run in the shadow",
        request=Nothing,
        responses={200: ModelVersionOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, model_id: uuid.UUID) -> Response:
        return self._made(shadow.stop, model_id)
