"""What the review and report endpoints take and answer."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from dermaclinic.rest.pagination import PageQuery
from dermaclinic.rest.serializers import Strict
from imaging.api_serializers import PredictionRef
from patients.api import LesionOut, PatientOut
from reports import veil
from reports.models import (
    Agreement,
    Algorithm,
    Assessment,
    Claim,
    Histology,
    Management,
    OpinionState,
    Report,
    TwoStep,
)
from reports.selectors import ImageRow, LesionRow, Urgency, WorklistRow


class WorklistQuery(PageQuery):
    which = serializers.ChoiceField(
        choices=["all", "mine", "unclaimed"], required=False, default="all"
    )


class AssessmentIn(Strict):
    study = serializers.UUIDField()
    lesion = serializers.UUIDField()
    diagnoses = serializers.ListField(
        child=serializers.CharField(max_length=18), min_length=1, max_length=3,
        help_text="SNOMED CT codes, the most likely first.",
    )  # fmt: skip
    management = serializers.ChoiceField(choices=Management.choices)
    due = serializers.DateField(
        required=False, allow_null=True, help_text="With `monitor`, and only then."
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=4000,
        help_text="Required when the diagnosis departs from an opinion that one can see.",
    )  # fmt: skip
    two_step = serializers.ChoiceField(choices=TwoStep.choices, required=False, allow_blank=True)
    description = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    algorithm = serializers.ChoiceField(choices=Algorithm.choices, required=False, allow_blank=True)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    images = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=1000,
        help_text=(
            "The lesion's images in this visit as the doctor was shown them. When there are others "
            "by now, nothing is recorded (409). Without it, all that are there count as seen."
        ),
    )  # fmt: skip


class HistologyIn(Strict):
    diagnosis = serializers.CharField(
        max_length=18, allow_blank=True,
        help_text="A SNOMED CT code; blank takes the result on record back.",
    )  # fmt: skip
    reported_on = serializers.DateField(help_text="The day of the pathologist's report.")
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=4000,
        help_text="Required for every version but the first.",
    )  # fmt: skip


class ReportIn(Strict):
    assessments = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=100,
        help_text="The newest ones of one visit, in the report's order.",
    )  # fmt: skip


class SignIn(Strict):
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class ClaimOut(serializers.ModelSerializer[Claim]):
    class Meta:
        model = Claim
        fields: ClassVar = ["study", "doctor", "expires_at"]
        read_only_fields: ClassVar = fields


class AssessmentOut(serializers.ModelSerializer[Assessment]):
    """`opinion` is the prediction that it was compared with; null without one.

    `blinded`: recorded before its author could see that opinion. `first_impression` is the author's
    blinded assessment that this one follows, `changed_mind` whether the first diagnosis is another.
    """

    first_impression = serializers.SerializerMethodField()
    changed_mind = serializers.SerializerMethodField()
    withdrawn_at = serializers.SerializerMethodField(help_text="Null while it counts.")
    diagnoses = serializers.ListField(child=serializers.CharField())
    images = serializers.ListField(child=serializers.UUIDField())
    management = serializers.ChoiceField(choices=Management.choices)
    agreement = serializers.ChoiceField(choices=Agreement.choices)
    opinion_state = serializers.ChoiceField(choices=OpinionState.choices)
    two_step = serializers.CharField()
    algorithm = serializers.CharField()

    class Meta:
        model = Assessment
        fields: ClassVar = [
            "id",
            "patient",
            "study",
            "lesion",
            "version",
            "diagnoses",
            "management",
            "due",
            "reason",
            "two_step",
            "description",
            "algorithm",
            "comment",
            "images",
            "opinion",
            "opinion_state",
            "agreement",
            "blinded",
            "first_impression",
            "changed_mind",
            "author",
            "recorded_at",
            "withdrawn_at",
        ]
        read_only_fields: ClassVar = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_first_impression(self, made: Assessment) -> Any:
        first = veil.first_impression(made)
        return first.pk if first else None

    def get_changed_mind(self, made: Assessment) -> bool:
        return veil.changed_mind(made, veil.first_impression(made))

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_withdrawn_at(self, made: Assessment) -> Any:
        withdrawal = getattr(made, "withdrawal", None)
        return withdrawal.withdrawn_at.isoformat() if withdrawal else None


class HistologyOut(serializers.ModelSerializer[Histology]):
    """One version of a lesion's result; a blank `diagnosis` took the former one back."""

    class Meta:
        model = Histology
        fields: ClassVar = [
            "id",
            "patient",
            "lesion",
            "version",
            "diagnosis",
            "reported_on",
            "reason",
            "author",
            "recorded_at",
        ]
        read_only_fields: ClassVar = fields


class HistologiesOut(serializers.Serializer[Any]):
    """Newest first; the first one holds."""

    results = HistologyOut(many=True)


class WorklistImageOut(serializers.Serializer[ImageRow]):
    """An image and the newest opinion on it; `seen` once it was assessed."""

    id = serializers.UUIDField(source="instance.pk")
    opinion_state = serializers.ChoiceField(choices=OpinionState.choices, source="state")
    prediction = PredictionRef(allow_null=True)
    seen = serializers.BooleanField()
    thumbnail_url = serializers.SerializerMethodField()

    @extend_schema_field(serializers.URLField())
    def get_thumbnail_url(self, row: ImageRow) -> str:
        request = self.context.get("request")
        return reverse("api-instance-thumbnail", args=[row.instance.pk], request=request)


class WorklistLesionOut(serializers.Serializer[LesionRow]):
    """A lesion at the visit; `open` until all its images were assessed."""

    lesion = LesionOut()
    open = serializers.BooleanField()
    opinion_state = serializers.ChoiceField(choices=OpinionState.choices, source="state")
    opinion = PredictionRef(allow_null=True)
    malignant_probability = serializers.SerializerMethodField(
        help_text="Null for a browser's session in a clinic that is blinded first."
    )
    assessment = serializers.SerializerMethodField(help_text="The newest one's id.")
    images = WorklistImageOut(many=True)

    def get_malignant_probability(self, row: LesionRow) -> float | None:
        if row.opinion is None or self.context.get("veiled"):
            return None
        return row.opinion.malignant_probability

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_assessment(self, row: LesionRow) -> Any:
        return row.assessment.pk if row.assessment else None


class WorklistRowOut(serializers.Serializer[Any]):
    """A visit that waits. `unassigned` images belong to no lesion yet; `claim` is a live one."""

    study = serializers.UUIDField(source="study.pk")
    acquired_at = serializers.DateTimeField(source="study.acquired_at")
    patient = PatientOut()
    urgency = serializers.ChoiceField(choices=[(each.value, each.name) for each in Urgency])
    malignant_probability = serializers.SerializerMethodField()
    claim = ClaimOut(allow_null=True)
    lesions = WorklistLesionOut(many=True)
    unassigned = WorklistImageOut(many=True)

    def get_malignant_probability(self, row: WorklistRow) -> float | None:
        return None if self.context.get("veiled") else row.malignant_probability


class ReportOut(serializers.ModelSerializer[Report]):
    """A draft has no `number` yet. `amendment_needed`: an image was moved after signing."""

    assessments = serializers.SerializerMethodField(help_text="In the report's order.")
    status = serializers.ChoiceField(choices=Report.Status.choices)
    pdf_status = serializers.ChoiceField(choices=Report.Pdf.choices)
    pdf_url = serializers.SerializerMethodField()
    amendment_needed = serializers.BooleanField()

    class Meta:
        model = Report
        fields: ClassVar = [
            "id",
            "patient",
            "study",
            "number",
            "version",
            "replaces",
            "assessments",
            "status",
            "composed_at",
            "composed_by",
            "signed_at",
            "signed_by",
            "signing_event",
            "content_sha256",
            "pdf_status",
            "pdf_error",
            "pdf_url",
            "amendment_needed",
            "amendment_reason",
        ]
        read_only_fields: ClassVar = fields

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_assessments(self, report: Report) -> Any:
        items = sorted(report.items.all(), key=lambda item: item.position)
        return [str(item.assessment_id) for item in items]

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_pdf_url(self, report: Report) -> str | None:
        if report.pdf_status != Report.Pdf.READY:
            return None
        return reverse("api-report-pdf", args=[report.pk], request=self.context.get("request"))
