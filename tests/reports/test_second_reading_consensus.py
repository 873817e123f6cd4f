"""Two readings that differ: proposing, agreeing, a third doctor, and what follows for reports."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from dermaclinic.accounts.models import Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from imaging.services import move_instance
from reports.models import Assessment, Consensus, ConsensusProposal, SecondReading
from reports.second_reading import consensus
from reports.second_reading.selectors import listing, open_readings
from reports.services.amendments import amend
from reports.services.composing import compose
from reports.services.signing import sign
from reports.services.withdrawal import withdraw_assessment
from tests import factories
from tests.database import acting_as
from tests.reports import scenes, second
from tests.reports.scenes import DYSPLASTIC, MELANOMA, NEVUS

pytestmark = pytest.mark.django_db
TOMORROW = timezone.localdate() + timedelta(days=1)


@pytest.fixture(autouse=True)
def _rules(clinic: Any) -> None:
    second.rules(clinic, blinded_first=False)


@pytest.fixture
def other(clinic: Any) -> Any:
    return factories.actor(clinic, "doctor")


@pytest.fixture
def third(clinic: Any) -> Any:
    return factories.actor(clinic, "doctor")


@pytest.fixture
def dispute(doctor: Any, other: Any) -> SecondReading:
    return second.disputed(doctor, other)


def left(actor: Any) -> None:
    """The doctor has left the clinic."""
    with acting_as("owner"):
        Membership.objects.filter(user=actor.user).update(is_active=False)


def newest(actor: Any, reading: SecondReading) -> Assessment:
    with clinic_context(actor.clinic_id):
        rows = Assessment.objects.standing().filter(study=reading.study_id)
        return rows.select_related("author").get(
            lesion=reading.lesion_id, pk=rows.filter(lesion=reading.lesion_id)[0].pk
        )


def nothing_decided(actor: Any, reading: SecondReading) -> None:
    assert scenes.count(actor, Consensus) == 0
    assert newest(actor, reading).pk == reading.first_id
    assert scenes.events(actor, "consensus.decided") == 0
    [stored] = second.asked(actor, pk=reading.pk)
    assert stored.disputed


def test_one_proposes_the_other_agrees(doctor: Any, other: Any, dispute: SecondReading) -> None:
    proposal = second.proposed(other, dispute, DYSPLASTIC, management="excise")
    made = consensus.agree(actor=doctor, proposal_id=proposal.pk)
    version = newest(doctor, dispute)
    assert (made.assessment_id, version.version) == (version.pk, 2)
    assert (version.diagnoses, version.management) == ([DYSPLASTIC], "excise")
    assert (version.author, version.reason) == (doctor.user, "Looked at together.")
    assert (made.proposed_by, made.agreed_by) == (other.user, doctor.user)
    [reading] = second.asked(doctor)
    assert reading.closed_why == "consensus", "and nobody is asked to read it once more"
    assert scenes.events(other, "consensus.proposed") == 1
    assert scenes.events(doctor, "consensus.decided", object_id=str(made.pk)) == 1


def test_the_first_reader_may_propose_and_the_second_agree(
    doctor: Any, other: Any, dispute: SecondReading
) -> None:
    proposal = second.proposed(doctor, dispute)
    consensus.agree(actor=other, proposal_id=proposal.pk)
    assert newest(doctor, dispute).author == other.user


def test_nobody_agrees_with_themselves(doctor: Any, dispute: SecondReading) -> None:
    proposal = second.proposed(doctor, dispute)
    with pytest.raises(Conflict, match="your own proposal"):
        consensus.agree(actor=doctor, proposal_id=proposal.pk)
    nothing_decided(doctor, dispute)


def test_a_proposal_is_withdrawn_by_its_author_alone(
    doctor: Any, other: Any, dispute: SecondReading
) -> None:
    proposal = second.proposed(doctor, dispute)
    with pytest.raises(Conflict, match="Only its author"):
        consensus.withdraw_proposal(actor=other, proposal_id=proposal.pk)
    consensus.withdraw_proposal(actor=doctor, proposal_id=proposal.pk)
    consensus.withdraw_proposal(actor=doctor, proposal_id=proposal.pk)
    assert scenes.events(doctor, "consensus.proposal_withdrawn") == 1
    with pytest.raises(Conflict, match="has been withdrawn"):
        consensus.agree(actor=other, proposal_id=proposal.pk)
    nothing_decided(doctor, dispute)


def test_a_new_proposal_replaces_ones_own_and_a_double_click_is_one(
    doctor: Any, other: Any, dispute: SecondReading
) -> None:
    old = second.proposed(doctor, dispute)
    assert second.proposed(doctor, dispute) == old
    new = second.proposed(doctor, dispute, NEVUS, management="refer")
    counter = second.proposed(other, dispute, NEVUS, management="discharge")
    with clinic_context(doctor.clinic_id):
        live = set(ConsensusProposal.objects.filter(withdrawn_at=None))
    assert live == {new, counter}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"diagnoses": []}, "diagnoses"),
        ({"management": "monitor"}, "due"),
    ],
)
def test_what_makes_no_sense_is_refused(
    doctor: Any, dispute: SecondReading, change: dict[str, Any], field: str
) -> None:
    fields = {"diagnoses": [NEVUS], "management": "excise", "reason": "Together."} | change
    with pytest.raises(Invalid) as refused:
        consensus.propose(actor=doctor, reading_id=dispute.pk, **fields)
    assert list(refused.value.errors) == [field]
    assert scenes.count(doctor, ConsensusProposal) == 0


def test_a_new_image_asks_for_a_new_proposal(
    doctor: Any, other: Any, dispute: SecondReading
) -> None:
    proposal = second.proposed(doctor, dispute)
    scenes.image(doctor, dispute.study, dispute.lesion)
    with pytest.raises(Conflict, match="other images now"):
        consensus.agree(actor=other, proposal_id=proposal.pk)
    nothing_decided(doctor, dispute)


def test_until_it_is_decided_the_first_reading_stays(
    doctor: Any, third: Any, dispute: SecondReading
) -> None:
    with pytest.raises(Conflict, match="consensus page"):
        scenes.assess(third, dispute.study, dispute.lesion, NEVUS, reason="I think.")
    with pytest.raises(Conflict, match="consensus page"):
        withdraw_assessment(actor=doctor, assessment_id=dispute.first_id)
    nothing_decided(doctor, dispute)
    assert scenes.count(doctor, Assessment) == 1


def test_an_image_that_is_moved_ends_the_dispute(doctor: Any, dispute: SecondReading) -> None:
    target = factories.study(doctor, dispute.patient)
    [image] = dispute.first.images
    move_instance(actor=doctor, instance_id=image, study_id=target.pk, reason="misfiled")
    [reading] = second.asked(doctor)
    assert (reading.closed_why, reading.outcome) == ("moved", "differs")


# ---- a third doctor ----


def test_a_third_doctor_has_no_part_while_both_are_there(
    doctor: Any, third: Any, dispute: SecondReading
) -> None:
    proposal = second.proposed(doctor, dispute)
    with pytest.raises(Conflict, match="The two readers decide this"):
        second.proposed(third, dispute)
    with pytest.raises(Conflict, match="The two readers decide this"):
        consensus.agree(actor=third, proposal_id=proposal.pk)
    assert listing(third).disputes == []
    nothing_decided(doctor, dispute)


@pytest.mark.parametrize("who", ["first", "second"])
def test_where_a_reader_has_left_a_third_doctor_stands_in(
    doctor: Any, other: Any, third: Any, dispute: SecondReading, who: str
) -> None:
    gone, here = (doctor, other) if who == "first" else (other, doctor)
    left(gone)
    assert [each.pk for each in listing(third).disputes] == [dispute.pk]
    proposal = second.proposed(third, dispute)
    consensus.agree(actor=here, proposal_id=proposal.pk)
    assert newest(here, dispute).author == here.user


def test_where_both_have_left_two_others_decide(
    doctor: Any, other: Any, third: Any, clinic: Any, dispute: SecondReading
) -> None:
    left(doctor)
    left(other)
    fourth = factories.actor(clinic, "doctor")
    consensus.agree(actor=fourth, proposal_id=second.proposed(third, dispute).pk)
    assert newest(fourth, dispute).author == fourth.user


def test_two_who_cannot_agree_ask_a_third(
    doctor: Any, other: Any, third: Any, clinic: Any, dispute: SecondReading
) -> None:
    with pytest.raises(Conflict, match="The two readers alone"):
        consensus.ask_third(actor=third, reading_id=dispute.pk)
    consensus.ask_third(actor=other, reading_id=dispute.pk)
    assert [each.pk for each in listing(third).disputes] == [dispute.pk]
    proposal = second.proposed(third, dispute)
    fourth = factories.actor(clinic, "doctor")
    with pytest.raises(Conflict, match="One of the two readers has to agree"):
        consensus.agree(actor=fourth, proposal_id=proposal.pk)
    nothing_decided(doctor, dispute)
    consensus.agree(actor=doctor, proposal_id=proposal.pk)
    assert newest(doctor, dispute).author == doctor.user


def test_asking_a_third_can_be_taken_back(
    doctor: Any, other: Any, third: Any, dispute: SecondReading
) -> None:
    consensus.ask_third(actor=other, reading_id=dispute.pk)
    consensus.ask_third(actor=doctor, reading_id=dispute.pk, take_back=True)
    assert listing(third).disputes == []
    assert scenes.events(doctor, "consensus.third_taken_back") == 1


def test_who_is_no_doctor_of_the_clinic_has_no_part(
    doctor: Any, technician: Any, administrator: Any, stranger: Any, dispute: SecondReading
) -> None:
    proposal = second.proposed(doctor, dispute)
    for who in (technician, administrator):
        with pytest.raises(Forbidden):
            consensus.agree(actor=who, proposal_id=proposal.pk)
    with pytest.raises(NotFound):
        consensus.agree(actor=stranger, proposal_id=proposal.pk)
    nothing_decided(doctor, dispute)


# ---- what follows ----


def report_of(doctor: Any, reading: SecondReading) -> Any:
    draft = compose(actor=doctor, assessment_ids=[reading.first_id])
    return sign(actor=doctor, report_id=draft.pk, password=factories.PASSWORD)


def test_a_report_is_signed_meanwhile_and_amended_afterwards(
    doctor: Any, other: Any, dispute: SecondReading
) -> None:
    report = report_of(doctor, dispute)
    [each] = open_readings(doctor, [report.pk])[report.pk]
    assert (each.disputed, each.lesion) == (True, dispute.lesion)
    consensus.agree(
        actor=other, proposal_id=second.proposed(doctor, dispute, NEVUS, management="refer").pk
    )
    told = scenes.stored(doctor, report)
    assert told.amendment_needed
    assert "Two doctors have agreed on another assessment" in told.amendment_reason
    assert scenes.events(other, "report.flagged_for_amendment", object_id=str(report.pk)) == 1
    assert open_readings(doctor, [report.pk]) == {}
    following = amend(actor=doctor, report_id=report.pk)
    with clinic_context(doctor.clinic_id):
        [item] = following.items.all()
    assert item.assessment_id == newest(doctor, dispute).pk


def test_a_consensus_on_the_first_reading_asks_for_no_amendment(
    doctor: Any, other: Any, dispute: SecondReading
) -> None:
    report = report_of(doctor, dispute)
    consensus.agree(actor=other, proposal_id=second.proposed(doctor, dispute).pk)
    assert not scenes.stored(doctor, report).amendment_needed


def test_many_reports_cost_no_more_queries(
    doctor: Any, other: Any, django_assert_num_queries: Any
) -> None:
    reports = [report_of(doctor, second.waiting(doctor)).pk for _each in range(3)]
    with clinic_context(doctor.clinic_id):
        with django_assert_num_queries(4):  # a savepoint around two
            assert len(open_readings(doctor, reports[:1])) == 1
        with django_assert_num_queries(4):
            assert len(open_readings(doctor, reports)) == 3


def test_a_consensus_is_not_taken_back_and_a_change_is_read_again(
    doctor: Any, other: Any, third: Any, dispute: SecondReading
) -> None:
    made = consensus.agree(
        actor=other, proposal_id=second.proposed(doctor, dispute, NEVUS, management="monitor",
                                                 due=TOMORROW).pk
    )  # fmt: skip
    with pytest.raises(Conflict, match="Two doctors have agreed"):
        withdraw_assessment(actor=other, assessment_id=made.assessment_id)
    scenes.assess(doctor, dispute.study, dispute.lesion, NEVUS, reason="Now.", management="excise")
    *_old, again = second.asked(doctor)
    assert (again.reason, again.waiting) == ("changed", True)


# ---- what the database refuses by itself ----


def made_by_hand(actor: Any, proposal: ConsensusProposal, **changes: Any) -> None:
    with clinic_context(actor.clinic_id), transaction.atomic():
        reading = SecondReading.objects.get(pk=proposal.reading_id)
        fields = {
            "clinic_id": actor.clinic_id,
            "patient_id": reading.patient_id,
            "reading": reading,
            "proposal": proposal,
            "proposed_by_id": proposal.author_id,
            "agreed_by": actor.user,
            "assessment_id": reading.first_id,
        }
        Consensus.objects.create(**(fields | changes))


def test_the_database_asks_for_two_doctors(doctor: Any, other: Any, dispute: SecondReading) -> None:
    own = second.proposed(doctor, dispute)
    with pytest.raises(DatabaseError, match="consensus_is_of_two_doctors"):
        made_by_hand(doctor, own)
    theirs = second.proposed(other, dispute, NEVUS, management="discharge")
    with pytest.raises(DatabaseError, match="what one proposed and the other agreed to"):
        made_by_hand(doctor, theirs)  # the assessment says something else
    with pytest.raises(DatabaseError, match="what one proposed and the other agreed to"):
        made_by_hand(doctor, own, proposed_by_id=other.person.pk)  # forged
    nothing_decided(doctor, dispute)


def test_proposals_and_consensus_stay(doctor: Any, other: Any, dispute: SecondReading) -> None:
    proposal = second.proposed(doctor, dispute)
    with (
        pytest.raises(DatabaseError),
        clinic_context(doctor.clinic_id),
        transaction.atomic(),
    ):
        ConsensusProposal.objects.filter(pk=proposal.pk).update(management="refer")
    made = consensus.agree(actor=other, proposal_id=proposal.pk)
    for change in ({"agreed_by": doctor.user}, {"assessment_id": uuid.uuid4()}):
        with (
            pytest.raises(DatabaseError),
            clinic_context(doctor.clinic_id),
            transaction.atomic(),
        ):
            Consensus.objects.filter(pk=made.pk).update(**change)
    assert MELANOMA in newest(doctor, dispute).diagnoses
