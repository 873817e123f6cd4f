"""What doctors' work means for a merge of two records, or for undoing one."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db.models.functions import Now
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from dermaclinic.accounts.actor import Actor
from imaging.models import Study
from patients.merging.steps import Obstacle
from reports.models import Report, SecondReading
from reports.services.claims import live
from reports.services.waiting import refresh


def claimed(actor: Actor, patients: Sequence[uuid.UUID]) -> list[Obstacle]:
    """Visits that another doctor reads at the moment."""
    others = live().filter(study__patient_id__in=patients).exclude(doctor=actor.person)
    return [
        Obstacle(
            _(
                "%(doctor)s is reading the visit of %(day)s until %(until)s. Wait, or ask them to "
                "release it."
            )
            % {
                "doctor": claim.doctor.full_name,
                "day": _day(claim.study.acquired_at),
                "until": formats.time_format(timezone.localtime(claim.expires_at), "H:i"),
            },
            reverse("reports:review", args=[claim.study_id]),
        )
        for claim in others.select_related("doctor", "study").order_by("expires_at")
    ]


def read_second(actor: Actor, patients: Sequence[uuid.UUID]) -> list[Obstacle]:
    """Second readings that another doctor has begun."""
    others = SecondReading.objects.filter(
        patient_id__in=patients, read_at=None, closed_at=None, claim_expires_at__gt=Now()
    ).exclude(claimed_by=actor.person)
    return [
        Obstacle(
            _("%(doctor)s is reading a lesion of the visit of %(day)s a second time. Wait for it.")
            % {
                "doctor": reading.claimed_by.full_name if reading.claimed_by else "",
                "day": _day(reading.study.acquired_at),
            }
        )
        for reading in others.select_related("claimed_by", "study").order_by("claim_expires_at")
    ]


def drafted(actor: Actor, patients: Sequence[uuid.UUID]) -> list[Obstacle]:
    """Reports that wait for a signature: they would name somebody else under the doctor's hand."""
    drafts = Report.objects.filter(patient_id__in=patients, status=Report.Status.DRAFT)
    return [
        Obstacle(
            _("A report of %(doctor)s on the visit of %(day)s is not signed. Sign or discard it.")
            % {"doctor": draft.composed_by.full_name, "day": _day(draft.study.acquired_at)},
            reverse("reports:report", args=[draft.pk]),
        )
        for draft in drafts.select_related("composed_by", "study").order_by("composed_at")
    ]


def place_anew(patients: Sequence[uuid.UUID]) -> None:
    """Where visits stand in the worklist hangs on the patient's consents, which have moved."""
    visits = Study.objects.filter(patient_id__in=patients)
    refresh(list(visits.values_list("pk", flat=True)))


def _day(moment: datetime) -> str:
    return formats.date_format(moment, "j M Y")
