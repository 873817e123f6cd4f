"""A doctor's claim on a visit, and the judgement of a lesion at it."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
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


class Assessments(models.QuerySet["Assessment"]):
    """All there ever were, unless one asks for those that count."""

    def standing(self) -> "Assessments":
        """Those that their author has not withdrawn: only they answer for a lesion."""
        return self.filter(withdrawal=None)


class Assessment(TenantModel):
    """A doctor's judgement of a lesion at a visit. Written once; a change of mind is a new version.

    `diagnoses` are SNOMED CT codes, most likely first. `images` are the instances that were there
    to be looked at, `opinion` is what stood beside them: an image that came later is still open.
    `blinded`: it was recorded before its author could see the opinion. Such a first impression
    needs no reason where it differs; a later version, in sight of the opinion, gives it.
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
    blinded = models.BooleanField(default=False)
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = Assessments.as_manager()

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
                condition=~Q(agreement="differs") | ~Q(reason="") | Q(blinded=True),
                name="departing_needs_a_reason",
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
        indexes: ClassVar = [
            models.Index(fields=["author", "-recorded_at"], name="assessment_of_author"),
        ]

    def __str__(self) -> str:
        return f"{self.lesion_id} v{self.version}"


class AssessmentWithdrawal(TenantModel):
    """The author has taken an assessment back before it was reported. Written once.

    The assessment stays readable, and whoever had seen the opinion after it has seen it.
    """

    assessment = models.OneToOneField(
        Assessment, on_delete=models.PROTECT, related_name="withdrawal"
    )
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.assessment_id)
