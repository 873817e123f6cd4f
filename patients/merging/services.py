"""Merging two records of one person, and undoing it. What moves is the database's (`sql.py`)."""

import json
import uuid
from collections.abc import Collection
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from patients.merging import entangled, identity, records, steps, words
from patients.models import Merge, MergeUndo, Patient

LONGEST = 1000  # characters of a reason


def merge_patients(
    *,
    actor: Actor,
    survivor_id: uuid.UUID,
    other_id: uuid.UUID,
    reason: str,
    taken: Collection[str] = (),
    seen: tuple[int, int] | None = None,
) -> Merge:
    """Make one record of two: the other's rows move to the survivor, and the other is closed.

    `taken` are those of identity.CHOICES whose value comes from the other record; `seen` are the
    versions of both that the person chose from. Invalid without a reason; Conflict when a record
    was changed or merged meanwhile, or when somebody works on either (merging/steps.py).
    """
    reason = _checked(reason)
    if unknown := set(taken) - set(identity.CHOICES):
        raise Invalid(_("Unknown field: %s") % ", ".join(sorted(unknown)))
    if survivor_id == other_id:
        raise Invalid(_("This is one record. Choose another one of the same person."))
    with clinic_context(actor.clinic_id):
        survivor, other = _locked(actor, survivor_id, other_id)
        records.require_open(survivor)
        records.require_open(other)
        if seen is not None and seen != (survivor.version, other.version):
            raise Conflict(_("Somebody changed one of the records meanwhile. Compare them anew."))
        both = [survivor.pk, other.pk]
        _refuse(steps.obstacles([*steps.at_work, *steps.colliding], actor, both))
        before = {"survivor": identity.of(survivor), "closed": identity.of(other)}
        after = dict(
            zip(
                identity.SIDES,
                identity.combined(before["survivor"], before["closed"], taken),
                strict=True,
            )
        )
        was = {
            side: before[side].plain
            | {"version": patient.version, "updated_at": patient.updated_at.isoformat()}
            for side, patient in zip(identity.SIDES, (survivor, other), strict=True)
        }
        fields = _write({"survivor": survivor, "closed": other}, before, after)
        result = {
            side: after[side].plain | {"version": patient.version + bool(fields[side])}
            for side, patient in zip(identity.SIDES, (survivor, other), strict=True)
        }
        merge_id = uuid.uuid4()
        _call(
            "SELECT patients_merge_records(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            merge_id, survivor.pk, other.pk, actor.person.pk, reason, json.dumps(was),
            json.dumps(sorted(taken)), json.dumps(result), identity.keep(merge_id, before, after),
        )  # fmt: skip
        merge = Merge.objects.select_related("survivor", "closed").get(pk=merge_id)
        for step in steps.on_moved:
            step(both)
        audit.merged_patients(
            actor, merge, moved=words.numbers(merge.moved), fields=fields["survivor"]
        )
    return merge


def undo_merge(*, actor: Actor, merge_id: uuid.UUID, reason: str) -> MergeUndo:
    """Take a merge back: what came goes, with what was added to it since; values are as before.

    A value that was edited since the merge stays as it is. Invalid without a reason; Conflict when
    it was undone already, when the survivor was itself merged, when somebody works on the record,
    or when rows of both records hang together since: then nothing changes.
    """
    reason = _checked(reason)
    with clinic_context(actor.clinic_id):
        merge = policies.find(actor, "undo", Merge.objects.all(), pk=merge_id)
        ids = [merge.survivor_id, merge.closed_id]
        patients = {
            each.pk: each
            for each in Patient.objects.select_for_update().filter(pk__in=ids).order_by("pk")
        }
        survivor, other = patients[merge.survivor_id], patients[merge.closed_id]
        if MergeUndo.objects.filter(merge=merge).exists():
            raise Conflict(_("This merge has been undone already."))
        if survivor.merged_into_id is not None:
            raise Conflict(
                _("This record was itself merged into another one later. Undo that merge first.")
            )
        _refuse(steps.obstacles(steps.at_work, actor, [survivor.pk]))
        if found := entangled.knot(merge):
            raise Conflict(found.sentence, entangled=found.lines)
        undo_id = uuid.uuid4()
        _call(
            "SELECT patients_undo_merge(%s, %s, %s, %s)",
            undo_id, merge.pk, actor.person.pk, reason,
        )  # fmt: skip
        fields = _give_back(merge, survivor, other)
        undo = MergeUndo.objects.select_related("merge").get(pk=undo_id)
        for step in steps.on_moved:
            step(ids)
        audit.undid_merge(
            actor, merge, moved=words.numbers(undo.moved), fields=fields, reason=reason
        )
    return undo


def _checked(reason: str) -> str:
    reason = reason.strip()
    sentence: StrOrPromise = ""
    if not reason:
        sentence = _("Say why: the reason stays on record.")
    elif len(reason) > LONGEST or "\x00" in reason:
        sentence = _("This is too long, or holds a character that cannot be stored.")
    if sentence:
        raise Invalid(sentence, errors={"reason": [sentence]})
    return reason


def _locked(actor: Actor, survivor_id: uuid.UUID, other_id: uuid.UUID) -> tuple[Patient, Patient]:
    """Both, locked in one order whoever survives: two merges at once follow one another."""
    patients = {
        pk: policies.find(actor, "merge", Patient.objects.select_for_update(), pk=pk)
        for pk in sorted((survivor_id, other_id))
    }
    return patients[survivor_id], patients[other_id]


def _refuse(found: list[steps.Obstacle]) -> None:
    if found:
        raise Conflict(" ".join(str(each.sentence) for each in found))


def _write(
    patients: dict[str, Patient],
    was: dict[str, identity.Person],
    becomes: dict[str, identity.Person],
    times: dict[str, Any] | None = None,
) -> dict[str, list[str]]:
    """Store who both are; by side, the fields that changed."""
    for side, patient in patients.items():
        identity.park_numbers(patient, was[side], becomes[side])
    return {
        side: identity.write(
            patient, was[side], becomes[side], at=(times or {}).get(side) or timezone.now()
        )
        for side, patient in patients.items()
    }


def _give_back(merge: Merge, survivor: Patient, other: Patient) -> list[str]:
    """Values as they were before the merge; the fields of the survivor that changed."""
    before, after = identity.kept(merge)
    patients = {"survivor": survivor, "closed": other}
    now = {side: identity.of(patient) for side, patient in patients.items()}
    then = {
        side: identity.restored(before[side], after[side], now[side]) for side in identity.SIDES
    }
    identity.taken_by_others(then["closed"], [survivor.pk, other.pk])
    # Who was not edited since is as old as before.
    times = {
        side: parse_datetime(merge.identity[side]["updated_at"])
        for side, patient in patients.items()
        if patient.version == merge.result[side]["version"]
    }
    return _write(patients, now, then, times)["survivor"]


def _call(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
