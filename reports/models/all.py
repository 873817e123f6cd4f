"""What the doctor says: claims on visits, assessments of lesions, and signed reports."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.tenancy import TenantModel
from imaging.models import Study
from inference.models import Prediction
from patients.models import Lesion, Patient


class Claim(TenantModel):
    """A doctor is reading this visit; others see it and wait, until it expires."""

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="claim")
    doctor = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.study_id} by {self.doctor_id}"


class Management(models.TextChoices):
    DISCHARGE = "discharge", _("Discharge")
    MONITOR = "monitor", _("Monitor until")
    EXCISE = "excise", _("Biopsy or excise")
    REFER = "refer", _("Refer")
    RETAKE = "retake", _("Take the image again")


class Agreement(models.TextChoices):
    """The doctor's first diagnosis against the opinion's; computed, never clicked."""

    AGREES = "agrees", _("agrees")
    PARTLY = "partly", _("among the opinion's first three")
    DIFFERS = "differs", _("differs")
    NO_OPINION = "no_opinion", _("no opinion")


class OpinionState(models.TextChoices):
    """What there is of an opinion on an image, or on a lesion at a visit."""

    READY = "ready", _("ready")
    PENDING = "pending", _("not there yet")
    DECLINED = "declined", _("declined: the image could not be judged")
    FAILED = "failed", _("failed")
    MISSING = "missing", _("not asked for")
    OPTED_OUT = "opted_out", _("the patient has not agreed to one")


class TwoStep(models.TextChoices):
    """The first step of dermoscopy's two-step method."""

    MELANOCYTIC = "melanocytic", _("melanocytic")
    NON_MELANOCYTIC = "non_melanocytic", _("not melanocytic")


class Algorithm(models.TextChoices):
    """How the second step was taken: the algorithms that a dermoscopy report may name."""

    PATTERN = "pattern", _("Pattern analysis")
    ABCD = "abcd", _("ABCD rule")
    SEVEN_POINT = "seven_point", _("Seven-point checklist")
    MENZIES = "menzies", _("Menzies' method")
    THREE_POINT = "three_point", _("Three-point checklist")
    CASH = "cash", _("CASH")


class Assessment(TenantModel):
    """A doctor's judgement of a lesion at a visit. Written once; a change of mind is a new version.

    `diagnoses` are SNOMED CT codes, most likely first. `images` are the instances that were there
    to be looked at, `opinion` is what stood beside them: an image that came later is still open.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="assessments")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="assessments")
    lesion = models.ForeignKey(Lesion, on_delete=models.PROTECT, related_name="assessments")
    version = models.PositiveIntegerField()
    diagnoses = ArrayField(models.CharField(max_length=18), size=3)
    management = models.CharField(max_length=12, choices=Management)
    due = models.DateField(null=True, blank=True)
    reason = models.TextField(blank=True)
    two_step = models.CharField(max_length=16, choices=TwoStep, blank=True)
    description = models.TextField(blank=True)
    algorithm = models.CharField(max_length=12, choices=Algorithm, blank=True)
    comment = models.TextField(blank=True)
    images = ArrayField(models.UUIDField())
    opinion = models.ForeignKey(
        Prediction, on_delete=models.PROTECT, null=True, related_name="assessments"
    )
    opinion_state = models.CharField(max_length=10, choices=OpinionState)
    agreement = models.CharField(max_length=12, choices=Agreement)
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["study", "lesion", "version"], name="one_assessment_per_version"
            ),
            models.CheckConstraint(
                condition=Q(diagnoses__len__range=(1, 3)), name="one_to_three_diagnoses"
            ),
            models.CheckConstraint(
                condition=Q(management__in=Management.values), name="management_is_known"
            ),
            models.CheckConstraint(
                condition=Q(management="monitor", due__isnull=False)
                | (~Q(management="monitor") & Q(due__isnull=True)),
                name="monitoring_alone_has_a_date",
            ),
            models.CheckConstraint(
                condition=~Q(agreement="differs") | ~Q(reason=""), name="departing_needs_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(
                    opinion__isnull=False,
                    opinion_state="ready",
                    agreement__in=["agrees", "partly", "differs"],
                )
                | Q(
                    opinion__isnull=True,
                    opinion_state__in=["pending", "declined", "failed", "missing", "opted_out"],
                    agreement="no_opinion",
                ),
                name="agreement_needs_an_opinion",
            ),
            models.CheckConstraint(
                condition=Q(images__len__gte=1), name="assessment_has_seen_an_image"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lesion_id} v{self.version}"


class Histology(TenantModel):
    """What the pathologist found in a lesion. Written once; the newest version of a lesion holds.

    `diagnosis` is a SNOMED CT code, `reported_on` the day of the pathologist's report. A later
    version says in `reason` why the one before no longer holds; without a `diagnosis` it takes it
    back, and the lesion has no result again.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="histologies")
    lesion = models.ForeignKey(Lesion, on_delete=models.PROTECT, related_name="histologies")
    version = models.PositiveIntegerField()
    diagnosis = models.CharField(max_length=18, blank=True)
    reported_on = models.DateField()
    reason = models.TextField(blank=True)
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lesion", "version"], name="one_histology_per_version"),
            models.CheckConstraint(
                condition=Q(version=1) & ~Q(diagnosis="") | Q(version__gt=1) & ~Q(reason=""),
                name="later_histology_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lesion_id} v{self.version}"


class Report(TenantModel):
    """A signed statement on a visit. `content` is frozen at signing; a correction is a new version.

    `content_sha256` is the hash of the canonical content, which the PDF prints. A draft has no
    number yet: numbers run without gaps in a clinic, so signing gives them.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        SIGNED = "signed", _("signed")

    class Pdf(models.TextChoices):
        NONE = "none", _("not asked for")
        PENDING = "pending", _("being made")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="reports")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reports")
    number = models.PositiveIntegerField(null=True)
    version = models.PositiveIntegerField(default=1)
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="replaced_by"
    )
    assessments = models.ManyToManyField(Assessment, through="ReportAssessment")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    composed_at = models.DateTimeField(auto_now_add=True)
    composed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    content = models.JSONField(null=True)
    content_sha256 = models.CharField(max_length=64, blank=True)
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    signing_event = models.BigIntegerField(null=True)
    pdf_status = models.CharField(max_length=10, choices=Pdf, default=Pdf.NONE)
    pdf_name = models.CharField(max_length=64, blank=True)
    pdf_error = models.TextField(blank=True)
    pdf_attempts = models.PositiveSmallIntegerField(default=0)
    pdf_lease_expires_at = models.DateTimeField(null=True)
    amendment_reason = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-composed_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "number", "version"], name="report_number_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(status="draft")
                | Q(
                    number__isnull=False,
                    signed_by__isnull=False,
                    signed_at__isnull=False,
                    content__isnull=False,
                    signing_event__isnull=False,
                )
                & ~Q(content_sha256=""),
                name="signed_report_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(pdf_status="ready") | ~Q(pdf_name=""), name="ready_pdf_is_stored"
            ),
            models.CheckConstraint(
                condition=~Q(pdf_status="failed") | ~Q(pdf_error=""), name="failed_pdf_says_why"
            ),
            models.CheckConstraint(
                condition=Q(pdf_status="none") | Q(status="signed"), name="draft_has_no_pdf"
            ),
            models.CheckConstraint(
                condition=Q(version=1, replaces__isnull=True)
                | Q(version__gt=1, replaces__isnull=False),
                name="later_version_replaces_one",
            ),
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True) | Q(signed_at__gte=F("composed_at")),
                name="signed_after_composed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}.{self.version}" if self.number else str(_("draft"))

    @property
    def replaced(self) -> bool:
        """A newer version has been signed."""
        newer = getattr(self, "replaced_by", None)
        return newer is not None and newer.status == self.Status.SIGNED

    @property
    def amendment_needed(self) -> bool:
        """An image was moved after signing, and no newer version has been signed."""
        return bool(self.amendment_reason) and not self.replaced


class ReportAssessment(TenantModel):
    """An assessment in a report, in the report's order."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="items")
    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "assessment"], name="assessment_once"),
            models.UniqueConstraint(fields=["report", "position"], name="one_per_position"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id}:{self.position}"
