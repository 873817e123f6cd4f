"""Everything that writes about patients: register, edit, consent, lesions."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from patients import contact, steps
from patients.body_map.places import NOWHERE, Place
from patients.merging import records
from patients.models import Consent, Lesion, Patient, PatientChange, Purpose

IDENTITY = ("mrn", "family_name", "given_name", "birth_date", "sex")
OLDEST = 130  # years


def register_patient(
    *,
    actor: Actor,
    mrn: str,
    family_name: str,
    given_name: str,
    birth_date: date,
    sex: str,
    **contact_data: str,
) -> Patient:
    """A new record. Invalid for data that cannot be, Conflict when the MRN is taken.

    `contact_data` are fields of `contact.Contact`; an identifier that is taken is a Conflict, too.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Patient)
        patient = Patient(
            clinic_id=actor.clinic_id,
            mrn=mrn.strip(),
            family_name=family_name.strip(),
            given_name=given_name.strip(),
            birth_date=birth_date,
            sex=sex,
        )
        _check(patient)
        reached = contact.changed(contact.Contact(), contact_data)
        _save(patient)
        if reached != contact.Contact():
            contact.store(patient, reached)
        audit.registered_patient(actor, patient)
    return patient


def change_patient(*, actor: Actor, patient_id: uuid.UUID, version: int, **fields: Any) -> Patient:
    """Change identity or contact data; the values before are kept, those of contact sealed.

    `version` is the one the person saw: Conflict when somebody else changed the record meanwhile.
    """
    with clinic_context(actor.clinic_id):
        patient = policies.find(actor, "change", Patient.objects.select_for_update(), pk=patient_id)
        records.require_open(patient)
        if patient.version != version:
            raise Conflict(
                _("Somebody else changed this record meanwhile. Reload it and enter yours again.")
            )
        before = _identity(patient)
        for name in set(fields) & set(IDENTITY):
            value = fields[name]
            setattr(patient, name, value.strip() if isinstance(value, str) else value)
        after = _identity(patient)
        changed = sorted(name for name in IDENTITY if before[name] != after[name])
        reached = contact.of(patient)
        reachable = contact.changed(reached, fields)
        if not changed and reachable == reached:
            return patient
        _check(patient)
        patient.version += 1
        _save(patient)
        change = PatientChange(
            clinic_id=actor.clinic_id,
            patient=patient,
            version=patient.version,
            changed_by=actor.person,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
        if also := contact.keep_history(change, reached, reachable):
            contact.store(patient, reachable)
        change.save(force_insert=True)
        audit.changed_patient(actor, patient, fields=[*changed, *also])
    return patient


def record_consents(
    *, actor: Actor, patient_id: uuid.UUID, decisions: Mapping[str, bool]
) -> list[Consent]:
    """A patient's yes or no to purposes; a purpose that is not named stays as it was."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Consent)
        patient = policies.find(actor, "change", Patient.objects.select_for_update(), pk=patient_id)
        records.require_open(patient)
        if unknown := set(decisions) - set(Purpose.values):
            raise Invalid(_("Unknown purpose: %s") % ", ".join(sorted(unknown)))
        standing = consents(patient)
        made = []
        for purpose, granted in decisions.items():
            if standing.get(purpose) is granted:
                continue
            consent = Consent.objects.create(
                clinic_id=actor.clinic_id,
                patient=patient,
                purpose=purpose,
                granted=granted,
                recorded_by=actor.person,
            )
            audit.recorded_consent(actor, consent)
            made.append(consent)
    return made


def consents(patient: Patient) -> dict[str, bool]:
    """What the patient said last, by purpose; a purpose never asked about is absent."""
    newest = patient.consents.order_by("purpose", "-recorded_at").distinct("purpose")
    return dict(newest.values_list("purpose", "granted"))


def allows(patient: Patient, purpose: str) -> bool:
    """Only a recorded yes is a yes."""
    return consents(patient).get(purpose, False)


def add_lesion(
    *,
    actor: Actor,
    patient_id: uuid.UUID,
    body_site: str = "",
    laterality: str = "",
    note: str = "",
    place: Place | None = None,
) -> Lesion:
    """A new lesion with the patient's next number.

    A `place` on the body map says site and side by itself; Invalid when what is given beside it
    says something else, or when neither site nor place is given.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Lesion)
        patient = policies.find(actor, "view", Patient.objects.select_for_update(), pk=patient_id)
        records.require_open(patient)
        highest = patient.lesions.aggregate(highest=Max("number"))["highest"] or 0
        lesion = Lesion(
            clinic_id=actor.clinic_id,
            patient=patient,
            number=highest + 1,
            body_site=body_site,
            laterality=laterality or "",
            note=(note or "").strip(),
        )
        if place is not None:
            if wrong := place.contradicts(body_site, laterality):
                raise Invalid(_("Some fields need your attention."), errors=wrong)
            _put(lesion, place)
        _clean(lesion)
        lesion.save(force_insert=True)
        audit.added_lesion(actor, lesion)
        if place is not None:
            audit.placed_lesion(actor, lesion, before=None, after=place.columns)
    return lesion


@dataclass(frozen=True)
class Changed:
    """A lesion as it is now, and the place it had before."""

    lesion: Lesion
    former: Place | None

    @property
    def moved(self) -> bool:
        return self.lesion.place != self.former


def change_lesion(*, actor: Actor, lesion_id: uuid.UUID, **fields: Any) -> Changed:
    """Correct a lesion's site, side or note, or its `place` on the body map.

    A new place says site and side by itself. A site or side that the former place does not bear out
    takes the lesion off the map; so does a `place` of None.
    """
    with clinic_context(actor.clinic_id):
        lesion = policies.find(actor, "change", Lesion.objects.select_for_update(), pk=lesion_id)
        names = ("body_site", "laterality", "note")
        before = {name: getattr(lesion, name) for name in names}
        former = lesion.place
        place: Place | None = fields.get("place", former)
        for name in names:
            setattr(lesion, name, fields.get(name, before[name]))
        if place is not None and place != former:
            _put(lesion, place)
        elif place is not None and place.contradicts(lesion.body_site, lesion.laterality):
            place = None
        changed = [name for name in names if getattr(lesion, name) != before[name]]
        if not changed and place == former:
            return Changed(lesion, former)
        if place is None:
            _take_off(lesion)
        _clean(lesion)
        lesion.save(update_fields=[*changed, *NOWHERE])
        if changed:
            audit.changed_lesion(actor, lesion, fields=changed)
        if place != former:
            _tell_place(actor, lesion, former)
        _after_site(actor, lesion, before["body_site"])
    return Changed(lesion, former)


def place_lesion(
    *, actor: Actor, lesion_id: uuid.UUID, place: Place | None, seen: Place | None
) -> Changed:
    """Move a lesion's marker on the body map (None: off the map).

    `seen` is where the person saw it: Conflict when somebody else moved it meanwhile. Site and side
    follow a place; off the map they stay as they were. Undoing is moving it back.
    """
    with clinic_context(actor.clinic_id):
        lesion = policies.find(actor, "change", Lesion.objects.select_for_update(), pk=lesion_id)
        former = lesion.place
        if former != seen:
            raise Conflict(_("Somebody else moved this lesion meanwhile. Look where it is now."))
        if place == former:
            return Changed(lesion, former)
        site = lesion.body_site
        if place is None:
            _take_off(lesion)
        else:
            _put(lesion, place)
        lesion.save(update_fields=["body_site", "laterality", *NOWHERE])
        _tell_place(actor, lesion, former)
        _after_site(actor, lesion, site)
    return Changed(lesion, former)


def _after_site(actor: Actor, lesion: Lesion, former: str) -> None:
    """A side alone changes nothing for those who were told the site."""
    if lesion.body_site != former:
        for step in steps.on_site_changed:
            step(actor, lesion)


def _put(lesion: Lesion, place: Place) -> None:
    for name, value in place.columns.items():
        setattr(lesion, name, value)
    lesion.body_site, lesion.laterality = place.where.site, place.where.laterality


def _take_off(lesion: Lesion) -> None:
    for name, value in NOWHERE.items():
        setattr(lesion, name, value)


def _tell_place(actor: Actor, lesion: Lesion, former: Place | None) -> None:
    now = lesion.place
    audit.placed_lesion(
        actor,
        lesion,
        before=former.columns if former else None,
        after=now.columns if now else None,
    )


def _identity(patient: Patient) -> dict[str, str]:
    return {name: str(getattr(patient, name)) for name in IDENTITY}


def _check(patient: Patient) -> None:
    _clean(patient)
    today = timezone.localdate()
    if patient.birth_date > today:
        raise _field("birth_date", _("The birth date lies in the future."))
    if today.year - patient.birth_date.year > OLDEST:
        raise _field("birth_date", _("The birth date lies too far in the past."))


def _clean(row: Patient | Lesion) -> None:
    """Field and check-constraint rules, as sentences by field; uniqueness is the database's."""
    try:
        row.clean_fields(exclude=["clinic", "patient"])
    except ValidationError as error:
        errors = {field: list[StrOrPromise](said) for field, said in error.message_dict.items()}
        raise Invalid(_("Some fields need your attention."), errors=errors) from error
    for field in row._meta.concrete_fields:
        if not field.generated and "\x00" in str(field.value_from_object(row)):
            raise _field(field.name, _("This holds a character that cannot be stored."))
    if isinstance(row, Lesion) and row.needs_side and row.laterality not in ("left", "right"):
        raise _field("laterality", _("This body site is on both sides: choose left or right."))


def _field(name: str, sentence: Any) -> Invalid:
    return Invalid(sentence, errors={name: [sentence]})


def _save(patient: Patient) -> None:
    try:
        with transaction.atomic():
            patient.save()
    except IntegrityError as error:
        if "mrn_is_unique_in_a_clinic" not in str(error):
            raise
        sentence = _("Another patient of this clinic has this medical record number.")
        raise Conflict(sentence, errors={"mrn": [sentence]}) from error
