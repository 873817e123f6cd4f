"""Visits and images over REST. Uploads and looks go through the same doors as the pages'."""

import uuid

from django.db.models import Q, prefetch_related_objects
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import DomainError
from dermaclinic.problems import TooLarge
from dermaclinic.rest import parsers
from dermaclinic.rest.idempotency import idempotent
from dermaclinic.rest.pagination import PageQuery, page, page_of, place
from dermaclinic.rest.schema import file_response, operation
from dermaclinic.rest.views import Endpoint, binary, reading
from imaging import formats, selectors, services
from imaging.api_serializers import (
    AssignIn,
    InstanceOut,
    ModalityIn,
    MoveIn,
    PredictionRef,
    QuarantineOut,
    ResolveIn,
    StudyIn,
    StudyOut,
    UploadIn,
    UploadOut,
    newest_first,
)
from imaging.models import Instance, Quarantine

PAGE = 50


class Upload(parsers.OneFile):
    max_bytes = formats.MAX_BYTES

    def too_large(self) -> str:
        return formats.Refused("too-large", limit=formats.MAX_BYTES // 1024**2).message


class StudyList(Endpoint):
    @operation(
        "studies_start",
        "Start a visit",
        request=StudyIn,
        responses={201: StudyOut},
        problems=[404],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        asked = self.body(StudyIn)
        study = services.start_study(
            actor=self.actor,
            patient_id=asked["patient"],
            acquired_at=asked.get("acquired_at"),
        )
        with clinic_context(self.actor.clinic_id):
            return Response(StudyOut(study, context={"request": request}).data, 201)


class StudyDetail(Endpoint):
    @operation(
        "studies_read",
        "Read a visit with its images",
        responses={200: StudyOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, study_id: uuid.UUID) -> Response:
        visit = selectors.visit(actor=self.actor, study_id=study_id)
        prefetch_related_objects([visit.study], "instances__predictions")
        return Response(StudyOut(visit.study, context={"request": request}).data)


class StudyInstances(Endpoint):
    parser_classes = [Upload]

    def handle_exception(self, exc: Exception) -> Response:
        """A body too large to be read leaves its Rejection like any other refused file."""
        if isinstance(exc, TooLarge):
            try:
                services.refuse_unread(
                    actor=self.actor,
                    study_id=self.kwargs["study_id"],
                    size=int(self.request.META.get("CONTENT_LENGTH") or 0),
                )
            except DomainError as error:
                exc = error
        return super().handle_exception(exc)

    @operation(
        "studies_upload",
        "Upload an image to a visit",
        description="JPEG, PNG or DICOM, found by content. The same bytes again for one patient "
        "are answered with the first result and 200. A file that is refused is a 422 whose `code` "
        "says why; one that seems to show another person is held in quarantine, a 409.",
        request={"multipart/form-data": UploadIn},
        responses={201: UploadOut, 200: UploadOut},
        problems=[404, 409, 422],
    )
    @idempotent
    def post(self, request: Request, study_id: uuid.UUID) -> Response:
        asked = self.body(UploadIn)
        ingested = services.ingest(
            actor=self.actor,
            study_id=study_id,
            data=asked["file"].read(),
            filename=asked["file"].name,
            lesion_id=asked.get("lesion"),
            modality=asked.get("modality", ""),
        )
        instance = ingested.instance
        with clinic_context(self.actor.clinic_id):
            predictions = PredictionRef(newest_first(instance), many=True).data
        answer = {"id": instance.pk, "sha256": instance.sha256, "predictions": predictions}
        return Response(answer, 201 if ingested.created else 200)


class InstanceImage(Endpoint):
    @operation(
        "instances_image",
        "Look at an image",
        responses=file_response("image/*", "The image as admitted: JPEG or PNG."),
        problems=[404],
    )
    def get(self, request: Request, instance_id: uuid.UUID) -> HttpResponse:
        return self.rendition(request, instance_id, "image")

    def rendition(self, request: Request, instance_id: uuid.UUID, which: str) -> HttpResponse:
        found = selectors.rendition(actor=self.actor, instance_id=instance_id, which=which)
        return binary(request, found.content, found.media_type, etag=found.etag)


class InstanceThumbnail(InstanceImage):
    @operation(
        "instances_thumbnail",
        "Look at an image's thumbnail",
        responses=file_response("image/jpeg", "A small JPEG."),
        problems=[404],
    )
    def get(self, request: Request, instance_id: uuid.UUID) -> HttpResponse:
        return self.rendition(request, instance_id, "thumbnail")


class InstanceAssign(Endpoint):
    @operation(
        "instances_assign",
        "Say which lesion an image shows",
        request=AssignIn,
        responses={200: InstanceOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, instance_id: uuid.UUID) -> Response:
        lesion_id = self.body(AssignIn)["lesion"]
        instance = services.assign_lesion(
            actor=self.actor, instance_id=instance_id, lesion_id=lesion_id
        )
        return _filed(self, instance)


class InstanceModality(Endpoint):
    @operation(
        "instances_modality",
        "Say how an image was taken",
        description="Its opinion is asked for again, of the model that reads such images, and a "
        "signed report on it is flagged.",
        request=ModalityIn,
        responses={200: InstanceOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, instance_id: uuid.UUID) -> Response:
        modality = self.body(ModalityIn)["modality"]
        instance = services.correct_modality(
            actor=self.actor, instance_id=instance_id, modality=modality
        )
        return _filed(self, instance)


class InstanceMove(Endpoint):
    @operation(
        "instances_move",
        "Move a misfiled image to another visit",
        description="Its opinion is asked for again, and a signed report on it is flagged.",
        request=MoveIn,
        responses={200: InstanceOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, instance_id: uuid.UUID) -> Response:
        asked = self.body(MoveIn)
        instance = services.move_instance(
            actor=self.actor,
            instance_id=instance_id,
            study_id=asked["study"],
            lesion_id=asked.get("lesion"),
            reason=asked["reason"],
        )
        return _filed(self, instance)


def _filed(view: Endpoint, instance: Instance) -> Response:
    with clinic_context(view.actor.clinic_id):
        return Response(InstanceOut(instance, context={"request": view.request}).data)


class QuarantineList(Endpoint):
    @operation(
        "quarantine_list",
        "See which images wait for a decision on whose they are, oldest first",
        query=PageQuery,
        responses={200: page_of(QuarantineOut)},
    )
    @reading
    def get(self, request: Request) -> Response:
        policies.require(self.actor, "view", Quarantine)
        held = selectors.open_quarantine(self.actor).order_by("created_at", "pk")
        if after := place(self.query(PageQuery)["cursor"]):
            at, _space, pk = after.partition(" ")
            held = held.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=pk))
        rows = list(held[: PAGE + 1])
        shown = rows[:PAGE]
        audit.viewed_quarantine(self.actor, *shown)
        more = len(rows) > PAGE
        last = f"{shown[-1].created_at.isoformat()} {shown[-1].pk}" if more else ""
        return page(request, QuarantineOut(shown, many=True).data, after=last)


class QuarantineDetail(Endpoint):
    @operation(
        "quarantine_read",
        "See why an image is held",
        responses={200: QuarantineOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, quarantine_id: uuid.UUID) -> Response:
        held = selectors.quarantine(actor=self.actor, quarantine_id=quarantine_id)
        return Response(QuarantineOut(held).data)


class QuarantineResolve(Endpoint):
    @operation(
        "quarantine_resolve",
        "Decide whose a held image is",
        description="To accept it into the record it was sent to, give two identifiers as they "
        "stand there. Otherwise it is discarded. The reason stays on record.",
        request=ResolveIn,
        responses={200: QuarantineOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, quarantine_id: uuid.UUID) -> Response:
        asked = self.body(ResolveIn)
        typed = {field: str(value) for field, value in asked.get("identifiers", {}).items()}
        held = services.resolve_quarantine(
            actor=self.actor,
            quarantine_id=quarantine_id,
            accept=asked["accept"],
            identifiers=typed,
            reason=asked["reason"],
        )
        return Response(QuarantineOut(held).data)
