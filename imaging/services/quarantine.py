"""Settling whose image it is: two identifiers and a reason, or it goes."""

import uuid
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging import formats
from imaging.models import Instance, Quarantine
from imaging.services.identity import confirmed
from imaging.services.ingest import file, uid_taken
from imaging.storage import vault


def resolve_quarantine(
    *,
    actor: Actor,
    quarantine_id: uuid.UUID,
    accept: bool,
    identifiers: Mapping[str, str],
    reason: str,
) -> Quarantine:
    """File the held image under the patient it was meant for, or discard it.

    To accept, two of MRN, family name, given name and birth date must be typed and must fit the
    patient's record (`identifiers`: field → text). Invalid when they don't, or without a reason.
    """
    reason = reason.strip()
    # One transaction: the lock on this case (and on nothing else) lasts until it is settled.
    with clinic_context(actor.clinic_id):
        held = policies.find(
            actor,
            "resolve",
            Quarantine.objects.select_for_update(of=("self",)).select_related(
                "patient", "study__patient", "lesion"
            ),
            pk=quarantine_id,
        )
        if held.resolution != Quarantine.Resolution.OPEN:
            raise Conflict(_("Somebody has decided on this image already."))
        if not reason:
            sentence = _("Say why: the reason stays on record.")
            raise Invalid(sentence, errors={"reason": [sentence]})
        held.identifiers = _confirmed(held, identifiers) if accept else []
        held.instance = _file(actor, held) if accept else None
        outcome = Quarantine.Resolution
        held.resolution = outcome.ACCEPTED if accept else outcome.DISCARDED
        held.resolved_at = timezone.now()
        held.resolved_by = actor.person
        held.reason = reason
        # The names stay out of a settled case: who was compared is in the patient's record.
        held.differences = {field: {} for field in held.differences}
        held.save()
        audit.resolved_quarantine(actor, held)
        # The held bytes are nobody's now: an accepted image has its own sealed copies.
        transaction.on_commit(lambda: vault().delete(held.held_name), robust=True)
    return held


def _confirmed(held: Quarantine, identifiers: Mapping[str, str]) -> list[str]:
    typed = {field: text.strip() for field, text in identifiers.items() if text.strip()}
    fitting = confirmed(held.patient, typed)
    if len(fitting) < 2 or len(fitting) < len(typed):
        sentence = _("Type two identifiers as they stand in the patient's record.")
        raise Invalid(sentence, errors={"identifiers": [sentence]})
    return fitting


def _file(actor: Actor, held: Quarantine) -> Instance:
    data = vault().get(held.held_name)
    admitted = formats.admit(data)
    if uid_taken(admitted):
        raise Conflict(
            _("The same DICOM object is on record already. Move that image, or discard this one.")
        )
    return file(
        actor=actor,
        study=held.study,
        lesion=held.lesion,
        data=data,
        admitted=admitted,
        modality=held.modality,
        identity_settled=True,
    ).instance
