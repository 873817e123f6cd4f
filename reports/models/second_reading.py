"""A second doctor's blind reading of a lesion at a visit, and how two who differ come together."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.tenancy import TenantModel
from imaging.models import Study
from patients.models import Lesion, Patient
from reports.models.assessments import Assessment, Management

_MONITORING_HAS_A_DATE = Q(management="monitor", due__isnull=False) | (
    ~Q(management="monitor") & Q(due__isnull=True)
)


class SecondReading(TenantModel):
    """A second doctor is to read, or has read, what `first` judged.

    It is `waiting` until somebody has read it; a reading that differs stays open until both agree
    (`Consensus`). `claimed_by` holds it until `claim_expires_at`. `diagnoses` are SNOMED CT codes,
    most likely first; `outcome` is computed against the first reading. `third_asked_by`: one of the
    two has asked a third doctor to decide with one of them.
    """

    class Reason(models.TextChoices):
        CONDITION = "condition", _("a diagnosis that this clinic reads twice")
        SAMPLE = "sample", _("drawn among the agreed benign cases")
        CHANGED = "changed", _("it departs from a consensus")

    class Outcome(models.TextChoices):
        AGREES = "agrees", _("agrees with the first reading")
        PARTLY = "partly", _("partly agrees with the first reading")
        DIFFERS = "differs", _("differs from the first reading")

    class Closed(models.TextChoices):
        AGREED = "agreed", _("the readings agree")
        CONSENSUS = "consensus", _("decided by consensus")
        WITHDRAWN = "withdrawn", _("the first reading was taken back")
        SUPERSEDED = "superseded", _("the lesion was assessed anew")
        MOVED = "moved", _("an image was filed elsewhere")

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="second_readings")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="second_readings")
    lesion = models.ForeignKey(Lesion, on_delete=models.PROTECT, related_name="second_readings")
    first = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="second_readings")
    reason = models.CharField(max_length=10, choices=Reason)
    asked_at = models.DateTimeField(auto_now_add=True)

    claimed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    claim_expires_at = models.DateTimeField(null=True)

    reader = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    diagnoses = ArrayField(models.CharField(max_length=18), size=3, default=list)
    management = models.CharField(max_length=12, choices=Management, blank=True)
    due = models.DateField(null=True, blank=True)
    comment = models.TextField(blank=True)
    read_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)

    third_asked_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    third_asked_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_why = models.CharField(max_length=10, choices=Closed, blank=True)

    class Meta:
        ordering: ClassVar = ["asked_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["study", "lesion"],
                condition=Q(closed_at=None),
                name="one_open_second_reading",
            ),
            models.CheckConstraint(
                condition=Q(read_at=None, reader=None, diagnoses=[], management="", outcome="")
                | Q(
                    read_at__isnull=False,
                    reader__isnull=False,
                    reader=F("claimed_by"),
                    diagnoses__len__range=(1, 3),
                    management__in=Management.values,
                    outcome__in=["agrees", "partly", "differs"],
                ),
                name="second_reading_is_whole",
            ),
            models.CheckConstraint(
                condition=_MONITORING_HAS_A_DATE, name="second_reading_monitors_until"
            ),
            models.CheckConstraint(
                condition=Q(claimed_by=None, claim_expires_at=None)
                | Q(claimed_by__isnull=False, claim_expires_at__isnull=False),
                name="second_reading_claim_expires",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["condition", "sample", "changed"]),
                name="second_reading_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_why="")
                | Q(closed_at__isnull=False)
                & (
                    Q(closed_why="agreed", outcome__in=["agrees", "partly"])
                    | Q(closed_why="consensus", outcome="differs")
                    | Q(closed_why__in=["withdrawn", "superseded"], read_at=None)
                    | Q(closed_why="moved")
                ),
                name="second_reading_closes_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=False) | ~Q(outcome__in=["agrees", "partly"]),
                name="agreeing_closes_a_second_reading",
            ),
            models.CheckConstraint(
                condition=Q(third_asked_by=None, third_asked_at=None)
                | Q(third_asked_by__isnull=False, third_asked_at__isnull=False, outcome="differs"),
                name="a_third_is_asked_where_two_differ",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["clinic", "asked_at"],
                condition=Q(closed_at=None),
                name="second_reading_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.lesion_id}: {self.outcome or self.closed_why or 'waiting'}"

    @property
    def waiting(self) -> bool:
        """Nobody has read it, and it is still to be read."""
        return self.read_at is None and self.closed_at is None

    @property
    def disputed(self) -> bool:
        """It was read, it differs, and nothing is decided."""
        return self.read_at is not None and self.closed_at is None


class ConsensusProposal(TenantModel):
    """What one doctor proposes where two readings differ. Written once; its author may withdraw it.

    `images` are the lesion's instances at the visit that it was made in sight of.
    """

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="consensus_proposals"
    )
    reading = models.ForeignKey(SecondReading, on_delete=models.PROTECT, related_name="proposals")
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    diagnoses = ArrayField(models.CharField(max_length=18), size=3)
    management = models.CharField(max_length=12, choices=Management)
    due = models.DateField(null=True, blank=True)
    reason = models.TextField()
    images = ArrayField(models.UUIDField())
    proposed_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-proposed_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reading", "author"],
                condition=Q(withdrawn_at=None),
                name="one_live_proposal_each",
            ),
            models.CheckConstraint(
                condition=Q(diagnoses__len__range=(1, 3)), name="proposal_has_diagnoses"
            ),
            models.CheckConstraint(
                condition=Q(management__in=Management.values), name="proposal_management_is_known"
            ),
            models.CheckConstraint(
                condition=_MONITORING_HAS_A_DATE, name="proposal_monitors_until"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="proposal_gives_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.reading_id} by {self.author_id}"


class Consensus(TenantModel):
    """Two doctors have agreed. Written once; `assessment` is the version that says what on."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consensus")
    reading = models.OneToOneField(
        SecondReading, on_delete=models.PROTECT, related_name="consensus"
    )
    proposal = models.OneToOneField(
        ConsensusProposal, on_delete=models.PROTECT, related_name="consensus"
    )
    proposed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    agreed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    assessment = models.OneToOneField(
        Assessment, on_delete=models.PROTECT, related_name="consensus"
    )
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "consensus"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(proposed_by=F("agreed_by")), name="consensus_is_of_two_doctors"
            )
        ]

    def __str__(self) -> str:
        return str(self.reading_id)
