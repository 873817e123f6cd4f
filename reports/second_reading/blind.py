"""What makes a second reading blind: the audit knows who has seen what, and every look passes it.

A second reader is to see the images and how old, of which sex and where; neither the opinion, nor
urgent or routine, nor what the first doctor said. One rule serves both ways. Every look at a record
writes an event, so (1) who holds a second reading is refused any event of that patient's but those
of images and of second readings, whatever page or address asks; (2) who has such an event since the
visit began is not offered the reading, and cannot store one.

It errs on the side of blindness: a look at anything in the record since the visit began bars, even
where that page would have shown nothing of the lesion. Rows move when records are merged, and back;
events never do. So all records that were ever merged with the patient's count as one.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import CharField, Exists, Func, OuterRef, Q, QuerySet, Subquery, UUIDField
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Now
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import current_clinic
from dermaclinic.audit.models import Event, Outcome
from dermaclinic.errors import Conflict
from reports.models import Assessment, ConsensusProposal, SecondReading

OWN = "second_reading."
COMPARED = "compared"  # the form of a second reading's page that shows everything there is
PICTURES = ("image", "thumbnail")  # renditions that are the photograph alone
AHEAD = ("image.preloaded", "study.preloaded")  # photographs that a browser fetched beforehand

# The record itself, and whichever ones a merge has tied to it, undone or not, over any steps.
_EVER_ONE = """(
    WITH RECURSIVE ever_one (id) AS (
        SELECT %(expressions)s
        UNION
        SELECT CASE WHEN tie.closed_id = ever_one.id THEN tie.survivor_id ELSE tie.closed_id END
        FROM patients_merge tie JOIN ever_one ON ever_one.id IN (tie.closed_id, tie.survivor_id)
    ) SELECT id FROM ever_one
)"""
_PHOTOGRAPH = Q(action="image.viewed", detail__rendition__in=PICTURES) | Q(action__in=AHEAD)


def keep_out(events: Sequence[Event]) -> None:
    """Conflict when a second reader, before reading, is about to see more of the record.

    Asked of all events before they are stored (dermaclinic/audit/record.py); one query for those
    that could tell anything.
    """
    looks = [each for each in events if each.actor_id and each.patient_id and not _harmless(each)]
    if not looks or current_clinic() is None:
        return
    claimed = held().filter(
        claimed_by__in={each.actor_id for each in looks},
        patient__in={each.patient_id for each in looks},
    )
    bound = list(claimed.values_list("claimed_by", "patient", "lesion"))
    for look in looks:
        if any(_tells(look, *each) for each in bound):
            audit.kept_out_of_record(look)
            raise Conflict(
                _(
                    "You are the second reader of a lesion of this patient, and read it without "
                    "knowing the record. Store your second reading, or release it: then the "
                    "record opens to you."
                )
            )


def _harmless(event: Event) -> bool:
    if event.action == "image.viewed":
        return event.detail.get("rendition") in PICTURES
    if event.action.startswith(OWN):
        return event.detail.get("form") != COMPARED
    return event.action in AHEAD


def _tells(look: Event, reader: uuid.UUID, patient: uuid.UUID, lesion: uuid.UUID) -> bool:
    """Does it tell a reader of this lesion something? Another lesion's readings do not."""
    if (look.actor_id, look.patient_id) != (reader, patient):
        return False
    return not look.action.startswith(OWN) or look.detail.get("lesion") == str(lesion)


def held() -> QuerySet[SecondReading]:
    """Those that somebody holds and has not read yet, by the database's clock."""
    return SecondReading.objects.filter(closed_at=None, read_at=None, claim_expires_at__gt=Now())


def blind_to(actor: Actor) -> QuerySet[SecondReading]:
    """Second readings of which the actor has seen no more than a second reader may."""
    person = actor.person.pk
    same = {"study": OuterRef("study"), "lesion": OuterRef("lesion")}
    since = Event.objects.filter(
        actor=person,
        patient_id__in=Func(OuterRef("patient_id"), template=_EVER_ONE, output_field=UUIDField()),
        at__gte=OuterRef("study__created_at"),
        outcome=Outcome.SUCCESS,
    )
    looked = since.exclude(Q(action__startswith=OWN) | _PHOTOGRAPH)
    compared = (
        since.filter(action=f"{OWN}viewed", detail__form=COMPARED)
        .alias(of=KeyTextTransform("lesion", "detail"))
        .filter(of=Cast(OuterRef("lesion_id"), CharField()))
    )
    proposed = ConsensusProposal.objects.filter(
        author=person, reading__study=OuterRef("study"), reading__lesion=OuterRef("lesion")
    )
    return SecondReading.objects.exclude(
        Exists(Assessment.objects.filter(author=person, **same))
        | Exists(SecondReading.objects.filter(reader=person, **same))
        | Exists(proposed)
        | Exists(compared)
        | Exists(looked)
        | Q(study__in=_unveiled(person))
    )


def _unveiled(person: uuid.UUID) -> QuerySet[Event, Any]:
    """Visits of whose opinions a worklist has told this person more than urgent or routine.

    Such an event names a visit, and so is younger; it has no patient. Only as far back as the
    visits reach that wait for a second reader.
    """
    waiting = SecondReading.objects.filter(closed_at=None, read_at=None)
    oldest = waiting.order_by("study__created_at").values("study__created_at")[:1]
    named = Func(KeyTransform("unveiled", "detail"), function="jsonb_array_elements_text")
    named.set_returning = True
    return Event.objects.filter(
        actor=person, action="worklist.viewed", at__gte=Subquery(oldest), detail__has_key="unveiled"
    ).values_list(Cast(named, UUIDField()))


def patients_held(actor: Actor) -> set[uuid.UUID]:
    """Whose lesions the actor is about to read second. Call it in the clinic's context."""
    return set(held().filter(claimed_by=actor.person.pk).values_list("patient_id", flat=True))


def objection(actor: Actor, reading: SecondReading) -> str:
    """Why the actor cannot read it blind, in a sentence; empty where nothing stands against it."""
    own = Assessment.objects.filter(
        author=actor.person, study=reading.study_id, lesion=reading.lesion_id
    )
    if own.exists():
        return str(_("You have read this lesion first. Another doctor reads it second."))
    if not blind_to(actor).filter(pk=reading.pk).exists():
        return str(
            _(
                "You have opened this patient's record since the visit. A second reading is blind, "
                "so another doctor has to do it."
            )
        )
    return ""


def require_blind(actor: Actor, reading: SecondReading) -> None:
    """Conflict unless the actor has seen no more than a second reader may."""
    if sentence := objection(actor, reading):
        raise Conflict(sentence)
