"""Two readings that differ: one doctor proposes, another agrees, and a new assessment says so.

The first and the second reader decide together. A third doctor may stand in once one of the two has
left the clinic, or asked for one; a reader who is still there signs in any case.
"""

import uuid
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Membership, Role
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.models import Instance
from reports.models import Assessment, Consensus, ConsensusProposal, Report, SecondReading
from reports.services import answers, composing
from reports.services.assessments import record_assessment


class Part(StrEnum):
    """What a doctor is in a dispute."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    NONE = "none"


def part_of(actor: Actor, reading: SecondReading) -> Part:
    """The actor's part; NONE for a third doctor whom nobody needs. Needs `first` and `reader`."""
    if actor.person.pk == reading.first.author_id:
        return Part.FIRST
    if actor.person.pk == reading.reader_id:
        return Part.SECOND
    if reading.third_asked_at is not None or len(_still_here(reading)) < 2:
        return Part.THIRD
    return Part.NONE


def _still_here(reading: SecondReading) -> set[uuid.UUID]:
    """Those of the two readers who are doctors of the clinic still."""
    members = Membership.objects.filter(
        clinic=reading.clinic_id,
        user__in=[reading.first.author_id, reading.reader_id],
        role=Role.DOCTOR,
        is_active=True,
        user__is_active=True,
    )
    return set(members.values_list("user", flat=True))


def propose(
    *,
    actor: Actor,
    reading_id: uuid.UUID,
    diagnoses: Sequence[str],
    management: str,
    reason: str,
    due: date | None = None,
) -> ConsensusProposal:
    """Propose what both could sign, with the reason; a former proposal of one's own is withdrawn.

    Invalid as for an assessment, and without a reason. Conflict for a doctor who has no part in it,
    and when it is decided. A repeated click is answered with what is there.
    """
    with clinic_context(actor.clinic_id):
        reading = _disputed(actor, reading_id)
        _require_part(actor, reading)
        answers.check(diagnoses, management, due)
        if not reason.strip():
            raise answers.invalid("reason", _("Say why; the other doctor reads it."))
        made = ConsensusProposal(
            clinic_id=reading.clinic_id,
            patient_id=reading.patient_id,
            reading=reading,
            author=actor.person,
            diagnoses=list(diagnoses),
            management=management,
            due=due,
            reason=reason.strip(),
            images=_images(reading),
        )
        former = reading.proposals.filter(author=actor.person, withdrawn_at=None).first()
        if former is not None:
            if _content(former) == _content(made):
                return former
            _withdraw(actor, former)
        made.save(force_insert=True)
        audit.proposed_consensus(actor, made)
    return made


def _content(proposal: ConsensusProposal) -> tuple[object, ...]:
    return (
        proposal.diagnoses,
        proposal.management,
        proposal.due,
        proposal.reason,
        sorted(proposal.images),
    )


def withdraw_proposal(*, actor: Actor, proposal_id: uuid.UUID) -> ConsensusProposal:
    """Take one's own proposal back; twice is once. Conflict for another's, or when decided."""
    with clinic_context(actor.clinic_id):
        proposal = _proposal(actor, proposal_id)
        _disputed(actor, proposal.reading_id)
        proposal.refresh_from_db()
        if proposal.author_id != actor.person.pk:
            raise Conflict(_("Only its author withdraws a proposal. Write one of your own."))
        if proposal.withdrawn_at is None:
            _withdraw(actor, proposal)
    return proposal


def _withdraw(actor: Actor, proposal: ConsensusProposal) -> None:
    proposal.withdrawn_at = timezone.now()
    proposal.save(update_fields=["withdrawn_at"])
    audit.withdrew_proposal(actor, proposal)


def agree(*, actor: Actor, proposal_id: uuid.UUID) -> Consensus:
    """Sign another doctor's proposal: it becomes the lesion's assessment, and the dispute ends.

    The actor is its author, the second signature; who proposed is the first. Signed reports that
    say otherwise need an amendment from now on. Conflict for one's own proposal, one that was
    withdrawn, or that knew other images; for a doctor without a part in it, or two third doctors
    while a reader is still there; and whatever stands against an assessment now.
    """
    with clinic_context(actor.clinic_id):
        proposal = _proposal(actor, proposal_id)
        reading = _disputed(actor, proposal.reading_id)
        proposal.refresh_from_db()
        _require_part(actor, reading)
        _require_agreeable(actor, reading, proposal)
        first = reading.first
        reading.closed_at = timezone.now()
        reading.closed_why = SecondReading.Closed.CONSENSUS
        reading.save(update_fields=["closed_at", "closed_why"])
        assessment = record_assessment(
            actor=actor,
            study_id=reading.study_id,
            lesion_id=reading.lesion_id,
            diagnoses=proposal.diagnoses,
            management=proposal.management,
            due=proposal.due,
            reason=proposal.reason,
            description=first.description,
            two_step=first.two_step,
            algorithm=first.algorithm,
            comment=first.comment,
        )
        made = Consensus.objects.create(
            clinic_id=reading.clinic_id,
            patient_id=reading.patient_id,
            reading=reading,
            proposal=proposal,
            proposed_by_id=proposal.author_id,
            agreed_by=actor.person,
            assessment=assessment,
        )
        audit.decided_consensus(actor, made)
        if _differ(first, assessment):
            _flag_reports(actor, assessment)
    return made


def _require_agreeable(actor: Actor, reading: SecondReading, proposal: ConsensusProposal) -> None:
    if proposal.author_id == actor.person.pk:
        raise Conflict(_("This is your own proposal: another doctor has to agree to it."))
    if proposal.withdrawn_at is not None:
        raise Conflict(_("This proposal has been withdrawn. Look at what there is now."))
    here = _still_here(reading)
    if here and not here & {actor.person.pk, proposal.author_id}:
        raise Conflict(_("One of the two readers has to agree, since they are still here."))
    if sorted(proposal.images) != sorted(_images(reading)):
        raise Conflict(
            _("The lesion has other images now than when this was proposed. Propose it anew.")
        )


def ask_third(*, actor: Actor, reading_id: uuid.UUID, take_back: bool = False) -> SecondReading:
    """One of the two readers asks that a third doctor may decide with one of them, or no longer."""
    with clinic_context(actor.clinic_id):
        reading = _disputed(actor, reading_id)
        if part_of(actor, reading) not in (Part.FIRST, Part.SECOND):
            raise Conflict(_("The two readers alone ask for a third doctor."))
        if take_back is (reading.third_asked_at is None):
            return reading
        reading.third_asked_by = None if take_back else actor.person
        reading.third_asked_at = None if take_back else timezone.now()
        reading.save(update_fields=["third_asked_by", "third_asked_at"])
        audit.asked_third_doctor(actor, reading, taken_back=take_back)
    return reading


def reading_of(*, actor: Actor, proposal_id: uuid.UUID) -> uuid.UUID:
    """The second reading that a proposal belongs to; NotFound for another clinic's."""
    with clinic_context(actor.clinic_id):
        return _proposal(actor, proposal_id).reading_id


def _proposal(actor: Actor, proposal_id: uuid.UUID) -> ConsensusProposal:
    policies.require(actor, "add", Consensus)
    return policies.find(actor, "agree", ConsensusProposal.objects.all(), pk=proposal_id)


def _disputed(actor: Actor, reading_id: uuid.UUID) -> SecondReading:
    """The reading, its patient locked as for an assessment; Conflict unless it is in dispute."""
    policies.require(actor, "add", Consensus)
    found = policies.find(actor, "view", SecondReading.objects.all(), pk=reading_id)
    composing.lock(found.patient_id)
    rows = SecondReading.objects.select_for_update(of=["self"]).select_related("first")
    reading = rows.get(pk=found.pk)
    if reading.read_at is None:
        raise Conflict(_("Nobody has read it a second time yet."))
    if reading.closed_at is not None:
        raise Conflict(_("This is decided already."))
    return reading


def _require_part(actor: Actor, reading: SecondReading) -> None:
    if part_of(actor, reading) is Part.NONE:
        raise Conflict(
            _(
                "The two readers decide this. A third doctor may when one of them asks for it, or "
                "has left the clinic."
            )
        )


def _images(reading: SecondReading) -> list[uuid.UUID]:
    found = Instance.objects.filter(study=reading.study_id, lesion=reading.lesion_id)
    return list(found.order_by("created_at", "id").values_list("pk", flat=True))


def _differ(first: Assessment, made: Assessment) -> bool:
    return (first.diagnoses, first.management, first.due) != (
        made.diagnoses,
        made.management,
        made.due,
    )


def _flag_reports(actor: Actor, made: Assessment) -> None:
    """Signed reports that speak of the lesion at this visit say what does not hold any more."""
    spoken = Report.objects.select_for_update(of=["self"]).filter(
        status=Report.Status.SIGNED,
        study_id=made.study_id,
        assessments__lesion_id=made.lesion_id,
    )
    reason = gettext("Two doctors have agreed on another assessment of lesion %(lesion)s.") % {
        "lesion": made.lesion
    }
    for report in {each.pk: each for each in spoken.order_by("pk")}.values():
        if not report.replaced:
            report.amendment_reason = reason
            report.save(update_fields=["amendment_reason"])
            audit.flagged_report(actor, report, reason=reason)
