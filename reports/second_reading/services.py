"""Asking for a second reading, holding it, recording it blind, and ending it unread."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.models import Instance
from reports import veil
from reports.models import Assessment, Consensus, SecondReading
from reports.second_reading import blind, rules
from reports.services import answers, composing

CLAIM_LASTS = timedelta(minutes=30)
Closed = SecondReading.Closed

DISPUTED = _(
    "A second doctor has read this lesion and differs. Decide it together on the consensus page; "
    "until then the first reading stays as it is."
)


def consider(actor: Actor, made: Assessment) -> None:
    """A step of the transaction that records an assessment: shall a second doctor read it?

    What was asked for of an earlier version ends here, unread. Conflict while two readings of the
    lesion differ. A first impression that is to be confirmed is asked about when it has been.
    """
    with clinic_context(actor.clinic_id):
        current = _at(made).filter(closed_at=None).first()
        if current is not None:
            if current.disputed:
                raise Conflict(DISPUTED)
            _close(actor, current, Closed.SUPERSEDED)
        if _is_consensus(made):
            return
        _ask(actor, made)


def forget(actor: Actor, withdrawn: Assessment) -> None:
    """A step of the transaction that takes an assessment back: nobody reads it any more.

    The version before counts again, and is asked about again. Conflict while two readings of the
    lesion differ, and for what two doctors have agreed on.
    """
    with clinic_context(actor.clinic_id):
        if Consensus.objects.filter(assessment=withdrawn).exists():
            raise Conflict(
                _("Two doctors have agreed on this. Record a new assessment if it changes.")
            )
        current = _at(withdrawn).filter(closed_at=None).first()
        if current is not None:
            if current.disputed:
                raise Conflict(DISPUTED)
            _close(actor, current, Closed.WITHDRAWN)
        standing = composing.newest(withdrawn.study_id, withdrawn.lesion_id)
        if standing is not None:
            _ask(actor, standing)


def misfiled(actor: Actor, instance: Instance, former_patient: uuid.UUID) -> None:
    """A step of the transaction that moves an image: what was read of it is to be read anew."""
    with clinic_context(actor.clinic_id):
        open_ones = SecondReading.objects.select_for_update(of=["self"]).filter(
            patient_id=former_patient, closed_at=None, first__images__contains=[instance.pk]
        )
        for reading in open_ones:
            _close(actor, reading, Closed.MOVED)


def _at(made: Assessment) -> QuerySet[SecondReading]:
    """The second readings of a lesion at a visit, locked."""
    return SecondReading.objects.select_for_update(of=["self"]).filter(
        study_id=made.study_id, lesion_id=made.lesion_id
    )


def _is_consensus(made: Assessment) -> bool:
    """Is it what two doctors are agreeing on in this very transaction (consensus.py)?"""
    return SecondReading.objects.filter(
        study_id=made.study_id,
        lesion_id=made.lesion_id,
        closed_why=Closed.CONSENSUS,
        consensus=None,
    ).exists()


def _ask(actor: Actor, made: Assessment) -> None:
    if veil.unconfirmed(made):
        return
    last = (
        SecondReading.objects.filter(
            study_id=made.study_id,
            lesion_id=made.lesion_id,
            closed_why__in=[Closed.AGREED, Closed.CONSENSUS],
        )
        .select_related("first", "consensus__assessment")
        .order_by("closed_at")
        .last()
    )
    reason = rules.reason_for(made)
    if last is not None:
        decided = getattr(last, "consensus", None)
        if _says_the_same(made, decided.assessment if decided else last.first):
            return
        if decided is not None:
            reason = rules.Reason.CHANGED
    if reason is None:
        return
    reading = SecondReading.objects.create(
        clinic_id=made.clinic_id,
        patient_id=made.patient_id,
        study_id=made.study_id,
        lesion_id=made.lesion_id,
        first=made,
        reason=reason,
    )
    audit.asked_second_reading(actor, reading)


def _says_the_same(made: Assessment, agreed: Assessment) -> bool:
    """Does it keep to what two doctors have agreed on, of the same images?"""
    return (
        made.diagnoses[0] == agreed.diagnoses[0]
        and made.management == agreed.management
        and set(made.images) <= set(agreed.images)
    )


def _close(actor: Actor, reading: SecondReading, why: SecondReading.Closed) -> None:
    reading.closed_at = timezone.now()
    reading.closed_why = why
    reading.save(update_fields=["closed_at", "closed_why"])
    audit.closed_second_reading(actor, reading)


def claim(*, actor: Actor, reading_id: uuid.UUID) -> SecondReading:
    """Take a second reading for 30 minutes of the database's clock, or prolong one's own claim.

    Conflict for the first reader, for who has opened the record since the visit, while another
    doctor holds it, and when it is read or not to be read any more.
    """
    with clinic_context(actor.clinic_id):
        reading = _locked(actor, reading_id)
        _require_waiting(reading)
        _respect(actor, reading)
        blind.require_blind(actor, reading)
        reading.claimed_by = actor.person
        SecondReading.objects.filter(pk=reading.pk).update(
            claimed_by=actor.person, claim_expires_at=Now() + CLAIM_LASTS
        )
        audit.claimed_second_reading(actor, reading)
        reading.refresh_from_db()
    return reading


def release(*, actor: Actor, reading_id: uuid.UUID) -> None:
    """Give one's own claim back; nothing happens when there is none. Conflict for another's."""
    with clinic_context(actor.clinic_id):
        reading = _locked(actor, reading_id)
        _require_waiting(reading)
        _respect(actor, reading)
        if reading.claimed_by_id != actor.person.pk:
            return
        reading.claimed_by = None
        reading.claim_expires_at = None
        reading.save(update_fields=["claimed_by", "claim_expires_at"])
        audit.claimed_second_reading(actor, reading, released=True)


def record(
    *,
    actor: Actor,
    reading_id: uuid.UUID,
    diagnoses: Sequence[str],
    management: str,
    due: date | None = None,
    comment: str = "",
) -> SecondReading:
    """Record what one reads, blind; how it stands to the first reading is computed.

    Agreement closes it, a difference goes to a consensus. Invalid as for an assessment. Conflict
    without a claim of one's own, when the first reading has changed meanwhile, and for who has
    opened the record since the visit, by the audit. A repeated click is answered with what is
    there.
    """
    with clinic_context(actor.clinic_id):
        found = policies.find(actor, "add", SecondReading.objects.all(), pk=reading_id)
        composing.lock(found.patient_id)
        reading = _locked(actor, reading_id)
        said = (actor.person.pk, list(diagnoses), management, due, comment.strip())
        if reading.read_at is not None and said == _said(reading):
            return reading
        _require_waiting(reading)
        if reading.claimed_by_id != actor.person.pk:
            _respect(actor, reading)
            raise Conflict(_("Claim this second reading first; then record it."))
        blind.require_blind(actor, reading)
        answers.check(diagnoses, management, due)
        first = reading.first
        reading.reader = actor.person
        reading.diagnoses = list(diagnoses)
        reading.management = management
        reading.due = due
        reading.comment = comment.strip()
        reading.read_at = timezone.now()
        reading.outcome = rules.outcome(
            first.diagnoses, first.management, reading.diagnoses, reading.management
        )
        if reading.outcome != rules.Outcome.DIFFERS:
            reading.closed_at = reading.read_at
            reading.closed_why = Closed.AGREED
        reading.save(
            update_fields=[
                "reader", "diagnoses", "management", "due", "comment", "read_at", "outcome",
                "closed_at", "closed_why",
            ]
        )  # fmt: skip
        audit.recorded_second_reading(actor, reading)
    return reading


def _said(reading: SecondReading) -> tuple[object, ...]:
    return (
        reading.reader_id,
        reading.diagnoses,
        reading.management,
        reading.due,
        reading.comment,
    )


def _locked(actor: Actor, reading_id: uuid.UUID) -> SecondReading:
    rows = SecondReading.objects.select_for_update(of=["self"]).select_related("first")
    return policies.find(actor, "add", rows, pk=reading_id)


def _require_waiting(reading: SecondReading) -> None:
    if reading.read_at is not None:
        raise Conflict(_("This second reading has been done already."))
    if reading.closed_at is not None:
        raise Conflict(
            _("The first reading has changed meanwhile: this one is not to be read any more.")
        )


def _respect(actor: Actor, reading: SecondReading) -> None:
    others = blind.held().filter(pk=reading.pk).exclude(claimed_by=actor.person)
    other = others.select_related("claimed_by").first()
    if other is None or other.claimed_by is None or other.claim_expires_at is None:
        return
    until = formats.time_format(timezone.localtime(other.claim_expires_at), "H:i")
    raise Conflict(
        _("%(doctor)s holds this second reading until %(until)s. Take another one meanwhile.")
        % {"doctor": other.claimed_by.full_name, "until": until},
        claimed_by=other.claimed_by.full_name,
        claimed_until=other.claim_expires_at.isoformat(),
    )
