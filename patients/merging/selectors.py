"""What a doctor sees before two records are merged, or a merge is undone; and what there was."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q
from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from patients.identifiers import SYSTEMS
from patients.merging import entangled, identity, records, steps, words
from patients.models import (
    Consent,
    Lesion,
    Merge,
    MergeUndo,
    Patient,
    PatientContact,
    Purpose,
    Sex,
)

LIKELY = 10  # records offered without a search
TELLING = ("birth_date", "sex")  # where two records of one person seldom differ


@dataclass(frozen=True)
class Choice:
    """A field in which both records have something; `weighty` where a difference is a warning."""

    name: str
    label: str
    survivor: str
    other: str
    differs: bool
    weighty: bool


@dataclass(frozen=True)
class Answer:
    """What was said of one purpose in each record, and which of the two counts from then on."""

    purpose: str
    survivor: Consent | None
    other: Consent | None

    @property
    def counts(self) -> Consent | None:
        """The newer: both are one person's, and the last word holds."""
        said = [each for each in (self.survivor, self.other) if each is not None]
        return max(said, key=lambda each: each.recorded_at, default=None)

    @property
    def changes(self) -> bool:
        """Does a yes become a no, or a no a yes, for one of the records?"""
        return bool(
            self.survivor and self.other and self.survivor.granted is not self.other.granted
        )


@dataclass(frozen=True)
class Preview:
    """Two records side by side, and what a merge would do."""

    survivor: Patient
    other: Patient
    choices: list[Choice]
    moving: list[str]
    lesions: list[tuple[Lesion, int]]
    answers: list[Answer]
    obstacles: list[steps.Obstacle]
    notes: list[steps.Note]

    @property
    def doubtful(self) -> list[Choice]:
        """Differences that make one wonder whether this is one person."""
        return [choice for choice in self.choices if choice.differs and choice.weighty]


@dataclass(frozen=True)
class UndoPreview:
    """What would go back, and what stands against it."""

    merge: Merge
    going: list[str]
    added: list[str]
    obstacles: list[steps.Obstacle]
    knot: entangled.Knot | None
    answers_since: int
    edited: list[str]

    @property
    def possible(self) -> bool:
        return not self.obstacles and self.knot is None


def likely(*, actor: Actor, patient_id: uuid.UUID) -> tuple[Patient, list[Patient]]:
    """A record, and others that may be the same person's; a look that is written down.

    The same birth date and one of the names, or both names, in any order and either case.
    """
    with clinic_context(actor.clinic_id):
        patient = policies.find(actor, "merge", Patient.objects.all(), pk=patient_id)
        records.require_open(patient)
        family, given = patient.family_name, patient.given_name
        named = Q(family_name__iexact=family) | Q(given_name__iexact=given)
        both = Q(family_name__iexact=family, given_name__iexact=given) | Q(
            family_name__iexact=given, given_name__iexact=family
        )
        others = policies.visible(actor, Patient.objects.filter(merged_into=None))
        found = list(
            others.exclude(pk=patient.pk)
            .filter(both | (Q(birth_date=patient.birth_date) & named))
            .order_by("family_name", "given_name", "id")[:LIKELY]
        )
        audit.searched_patients(
            actor, shown=[patient.pk, *(each.pk for each in found)], fields=["same_person"]
        )
    return patient, found


def preview(*, actor: Actor, survivor_id: uuid.UUID, other_id: uuid.UUID) -> Preview:
    """What merging `other` into `survivor` would do; a look at both that is written down.

    Raises Forbidden, NotFound, Invalid for one record twice, Conflict for a closed one.
    """
    if survivor_id == other_id:
        raise Invalid(_("This is one record. Choose another one of the same person."))
    with clinic_context(actor.clinic_id):
        survivor = policies.find(actor, "merge", Patient.objects.all(), pk=survivor_id)
        other = policies.find(actor, "merge", Patient.objects.all(), pk=other_id)
        records.require_open(survivor)
        records.require_open(other)
        audit.previewed_merge(actor, survivor, other)
        both = [survivor.pk, other.pk]
        highest = max(survivor.lesions.values_list("number", flat=True), default=0)
        lesions = enumerate(other.lesions.order_by("number"), start=highest + 1)
        return Preview(
            survivor=survivor,
            other=other,
            choices=_choices(survivor, other),
            moving=words.counted(_counts(other)),
            lesions=[(lesion, number) for number, lesion in lesions],
            answers=_answers(survivor, other),
            obstacles=steps.obstacles([*steps.at_work, *steps.colliding], actor, both),
            notes=[note for step in steps.notes for note in step(both)],
        )


def undo_preview(*, actor: Actor, merge_id: uuid.UUID) -> UndoPreview:
    """What undoing a merge would do; a look at both records that is written down.

    Raises Forbidden, NotFound, Conflict for a merge that does not stand.
    """
    with clinic_context(actor.clinic_id):
        merge = policies.find(
            actor, "undo", Merge.objects.select_related("survivor", "closed"), pk=merge_id
        )
        if MergeUndo.objects.filter(merge=merge).exists():
            raise Conflict(_("This merge has been undone already."))
        audit.previewed_merge_undo(actor, merge)
        rows = entangled.rows(merge)
        came = {uuid.UUID(pk) for ids in merge.moved.values() for pk in ids}
        before, after = identity.kept(merge)
        now = identity.of(merge.survivor)
        changed = identity.differing(before["survivor"], after["survivor"])
        return UndoPreview(
            merge=merge,
            going=words.counted(_by_table([row for row in rows if row.pk in came])),
            added=words.counted(_by_table([row for row in rows if row.pk not in came])),
            obstacles=_against_undo(actor, merge),
            knot=entangled.knot(merge, rows),
            answers_since=Consent.objects.filter(
                patient=merge.survivor, recorded_at__gt=merge.merged_at
            ).count(),
            edited=[
                _label(name)
                for name in identity.differing(after["survivor"], now)
                if name in changed
            ],
        )


def merges(actor: Actor, patient_ids: Sequence[uuid.UUID]) -> list[Merge]:
    """Merges into these records or of them, the newest first, with who undid them.

    Part of a record's page; call it inside the clinic's context.
    """
    found = policies.visible(actor, Merge.objects.all()).filter(
        Q(survivor_id__in=patient_ids) | Q(closed_id__in=patient_ids)
    )
    people = ("merged_by", "survivor", "closed", "undo__undone_by")
    return list(found.select_related(*people).defer("moved", "kept", "numbers", "sealed"))


def _against_undo(actor: Actor, merge: Merge) -> list[steps.Obstacle]:
    found = steps.obstacles(steps.at_work, actor, [merge.survivor_id])
    if merge.survivor.merged_into_id is not None:
        found.insert(
            0,
            steps.Obstacle(
                _("This record was itself merged into another one later. Undo that merge first.")
            ),
        )
    return found


def _choices(survivor: Patient, other: Patient) -> list[Choice]:
    mine, theirs = identity.of(survivor), identity.of(other)
    differing = identity.differing(mine, theirs)
    return [
        Choice(
            name=name,
            label=_label(name),
            survivor=_shown(mine, name),
            other=_shown(theirs, name),
            differs=name in differing,
            weighty=name in TELLING,
        )
        for name in identity.CHOICES
        if mine.values[name] or theirs.values[name]
    ]


def _label(name: str) -> str:
    model = Patient if name in identity.PLAIN else PatientContact
    return capfirst(str(model._meta.get_field(name).verbose_name))  # type: ignore[union-attr]  # a field of its own


def identity_before(merge: Merge) -> list[tuple[str, str]]:
    """Who the closed record was about, field by field in words."""
    stored = merge.identity["closed"]
    return [(_label(name), _plain(name, stored[name])) for name in identity.PLAIN]


def _plain(name: str, value: str) -> str:
    if name == "sex":
        return str(Sex(value).label)
    if name == "birth_date":
        return formats.date_format(date.fromisoformat(value), "j M Y")
    return value


def _shown(person: identity.Person, name: str) -> str:
    value = str(person.values[name])
    if name in identity.PLAIN:
        return _plain(name, value)
    if name == "identifier" and value:
        return f"{value} ({SYSTEMS[person.contact.identifier_system].display})"
    return value


def _counts(patient: Patient) -> dict[str, int]:
    """How many rows of the record would move, by table; one query for each."""
    found: dict[str, int] = {}
    for table, model in words.models().items():
        rows = model.objects.filter(patient=patient)
        found[table] = rows.aggregate(number=Count("pk"))["number"]
    return found


def _by_table(rows: Sequence[entangled.Row]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row.table] = found.get(row.table, 0) + 1
    return found


def _answers(survivor: Patient, other: Patient) -> list[Answer]:
    newest = Consent.objects.filter(patient__in=[survivor, other]).order_by(
        "patient", "purpose", "-recorded_at"
    )
    said = {(each.patient_id, each.purpose): each for each in newest.distinct("patient", "purpose")}
    return [
        Answer(str(label), said.get((survivor.pk, purpose)), said.get((other.pk, purpose)))
        for purpose, label in Purpose.choices
        if (survivor.pk, purpose) in said or (other.pk, purpose) in said
    ]
