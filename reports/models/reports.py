"""Signed statements on a visit."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.tenancy import TenantModel
from imaging.models import Study
from patients.models import Patient
from reports.models.assessments import Assessment


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
