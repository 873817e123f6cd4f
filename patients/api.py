"""Patients over REST: register, find, read, consent, lesions. Identifiers never stand in a URL."""

import uuid
from dataclasses import asdict
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.rest.idempotency import idempotent
from dermaclinic.rest.schema import operation
from dermaclinic.rest.serializers import Strict
from dermaclinic.rest.views import Endpoint, reading
from patients import selectors, services
from patients.body_map import VIEWS
from patients.body_map.places import Place
from patients.body_sites import CHOICES
from patients.identifiers import CHOICES as SYSTEM_CHOICES
from patients.models import Laterality, Lesion, Patient, Purpose, Sex

IDENTITY = ("mrn", "family_name", "given_name", "birth_date", "sex")


def _optional(longest: int, help_text: str = "") -> serializers.CharField:
    return serializers.CharField(
        max_length=longest, required=False, allow_blank=True, help_text=help_text
    )


class PatientIn(Strict):
    mrn = serializers.CharField(max_length=40)
    family_name = serializers.CharField(max_length=100)
    given_name = serializers.CharField(max_length=100)
    birth_date = serializers.DateField()
    sex = serializers.ChoiceField(choices=Sex.choices)
    phone = _optional(40)
    email = _optional(254)
    address = _optional(500)
    identifier_system = serializers.ChoiceField(
        choices=SYSTEM_CHOICES, required=False, allow_blank=True,
        help_text="Required with an identifier.",
    )  # fmt: skip
    identifier = _optional(40, "The national identifier: unique in a clinic.")


class SearchIn(Strict):
    q = serializers.CharField(
        max_length=200,
        help_text="Parts of names or of the MRN, or a birth date; all must fit. Or a whole "
        "national identifier.",
    )


class PlaceIn(Strict):
    """A point on the body map."""

    view = serializers.ChoiceField(choices=[(view.key, view.label) for view in VIEWS.values()])
    x = serializers.FloatField(
        min_value=0, max_value=1, help_text="From the view's left edge, as a share of its width."
    )
    y = serializers.FloatField(
        min_value=0, max_value=1, help_text="From the view's upper edge, as a share of its height."
    )
    region = serializers.CharField(
        max_length=40, required=False,
        help_text="Where the sender takes the point to lie; refused when it lies elsewhere.",
    )  # fmt: skip


class LesionIn(Strict):
    body_site = serializers.ChoiceField(
        choices=CHOICES, required=False,
        help_text="Required without a place, which says body site and side by itself.",
    )  # fmt: skip
    laterality = serializers.ChoiceField(
        choices=Laterality.choices, required=False, allow_blank=True, allow_null=True,
        help_text="Required where the body site exists on both sides.",
    )  # fmt: skip
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, allow_null=True)
    place = PlaceIn(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("body_site") and not attrs.get("place"):
            raise serializers.ValidationError({"body_site": [_("Give a body site or a place.")]})
        return attrs


class ConsentsIn(Strict):
    """Yes or no by purpose; a purpose that is left out stays as it was."""

    care = serializers.BooleanField(required=False)
    ai_opinion = serializers.BooleanField(required=False)
    comparison = serializers.BooleanField(required=False)
    teaching = serializers.BooleanField(required=False)
    research = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, bool]) -> dict[str, bool]:
        if not attrs:
            raise serializers.ValidationError(_("Name at least one purpose."))
        return attrs


class PlaceOut(serializers.Serializer[Any]):
    """A point on the body map, and the region of skin that it lies in, by its SNOMED CT code."""

    view = serializers.CharField()
    x = serializers.FloatField()
    y = serializers.FloatField()
    region = serializers.CharField()
    code = serializers.CharField(source="where.code")
    display = serializers.CharField(source="where.meaning")


class LesionOut(serializers.ModelSerializer[Lesion]):
    laterality = serializers.ChoiceField(choices=Laterality.choices, allow_blank=True)
    place = PlaceOut(allow_null=True, help_text="Null for a lesion that is not on the body map.")

    class Meta:
        model = Lesion
        fields: ClassVar = ["id", "patient", "number", "body_site", "laterality", "note", "place"]
        read_only_fields: ClassVar = fields


class PatientOut(serializers.ModelSerializer[Patient]):
    class Meta:
        model = Patient
        fields: ClassVar = ["id", *IDENTITY, "version", "created_at"]
        read_only_fields: ClassVar = fields


class FoundPatientOut(PatientOut):
    former_mrns = serializers.ListField(
        child=serializers.CharField(),
        help_text="Numbers of records that were merged into this one; they find it, too.",
    )

    class Meta(PatientOut.Meta):
        fields: ClassVar = [*PatientOut.Meta.fields, "former_mrns"]
        read_only_fields: ClassVar = fields


class ConsentsOut(serializers.Serializer[Any]):
    """What the patient said last, by purpose; null when never asked."""

    care = serializers.BooleanField(allow_null=True)
    ai_opinion = serializers.BooleanField(allow_null=True)
    comparison = serializers.BooleanField(allow_null=True)
    teaching = serializers.BooleanField(allow_null=True)
    research = serializers.BooleanField(allow_null=True)


class ContactOut(serializers.Serializer[Any]):
    """How to reach the patient; empty for what is not known."""

    phone = serializers.CharField()
    email = serializers.CharField()
    address = serializers.CharField()
    identifier_system = serializers.ChoiceField(choices=SYSTEM_CHOICES, allow_blank=True)
    identifier = serializers.CharField()


class PatientRecordOut(PatientOut):
    contact = ContactOut()
    consents = ConsentsOut()
    lesions = LesionOut(many=True)

    class Meta(PatientOut.Meta):
        fields: ClassVar = [
            *PatientOut.Meta.fields, "merged_into", "contact", "consents", "lesions",
        ]  # fmt: skip
        read_only_fields: ClassVar = fields
        extra_kwargs: ClassVar = {
            "merged_into": {
                "help_text": "The record that has this one's visits and lesions now; null for a "
                "record that stands for itself."
            }
        }


class FoundOut(serializers.Serializer[Any]):
    results = FoundPatientOut(many=True)


def _consents(standing: dict[str, bool]) -> dict[str, bool | None]:
    return {purpose: standing.get(purpose) for purpose in Purpose.values}


class PatientList(Endpoint):
    @operation(
        "patients_register",
        "Register a patient",
        request=PatientIn,
        responses={201: PatientOut},
        problems=[409],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        patient = services.register_patient(actor=self.actor, **self.body(PatientIn))
        return Response(PatientOut(patient).data, 201)


class PatientSearch(Endpoint):
    @operation(
        "patients_search",
        "Find patients by name, MRN, birth date or national identifier",
        description="At most 50, by name. A POST, so that identifiers stand in no URL; it only "
        "reads, so an Idempotency-Key has no meaning here: each search is one.",
        request=SearchIn,
        responses={200: FoundOut},
    )
    def post(self, request: Request) -> Response:
        found = selectors.search(actor=self.actor, q=self.body(SearchIn)["q"])
        return Response({"results": FoundPatientOut(found, many=True).data})


class PatientDetail(Endpoint):
    @operation(
        "patients_read",
        "Read a patient's record",
        responses={200: PatientRecordOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, patient_id: uuid.UUID) -> Response:
        record = selectors.record(actor=self.actor, patient_id=patient_id)
        standing = {purpose: consent.granted for purpose, consent in record.consents.items()}
        return Response(
            {
                **PatientOut(record.patient).data,
                "merged_into": record.patient.merged_into_id,
                "contact": asdict(record.contact),
                "consents": _consents(standing),
                "lesions": LesionOut(record.lesions, many=True).data,
            }
        )


class PatientConsents(Endpoint):
    @operation(
        "patients_consent",
        "Record a patient's consents",
        description="Consent to care comes before the first image.",
        request=ConsentsIn,
        responses={201: ConsentsOut},
        problems=[404],
    )
    @idempotent
    def post(self, request: Request, patient_id: uuid.UUID) -> Response:
        decisions = self.body(ConsentsIn)
        services.record_consents(actor=self.actor, patient_id=patient_id, decisions=decisions)
        with clinic_context(self.actor.clinic_id):
            standing = services.consents(Patient.objects.get(pk=patient_id))
        return Response(_consents(standing), 201)


class PatientLesions(Endpoint):
    @operation(
        "patients_add_lesion",
        "Add a lesion to a patient",
        request=LesionIn,
        responses={201: LesionOut},
        problems=[404],
    )
    @idempotent
    def post(self, request: Request, patient_id: uuid.UUID) -> Response:
        body = self.body(LesionIn)
        point = body.pop("place", None)
        fields = {name: value or "" for name, value in body.items()}
        place = Place.at(**point) if point else None
        lesion = services.add_lesion(actor=self.actor, patient_id=patient_id, place=place, **fields)
        return Response(LesionOut(lesion).data, 201)
