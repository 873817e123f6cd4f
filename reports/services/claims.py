"""A doctor takes a visit to read, so that two do not read the same one; it lapses by itself."""

import uuid
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.models import Study
from reports.models import Claim

CLAIM_LASTS = timedelta(minutes=30)


def claim_study(*, actor: Actor, study_id: uuid.UUID) -> Claim:
    """Take a visit for 30 minutes of the database's clock, or prolong one's own claim.

    Conflict, naming who and until when, while another doctor's claim is live.
    """
    with clinic_context(actor.clinic_id):
        study = _locked(actor, study_id)
        respect(actor, study)
        claim, _created = Claim.objects.update_or_create(
            study=study,
            defaults={
                "clinic_id": actor.clinic_id,
                "doctor": actor.person,
                "expires_at": Now() + CLAIM_LASTS,
            },
        )
        claim.refresh_from_db()
        audit.claimed_study(actor, study)
    return claim


def release_study(*, actor: Actor, study_id: uuid.UUID) -> None:
    """Give one's own claim back; nothing happens when there is none. Conflict for another's."""
    with clinic_context(actor.clinic_id):
        study = _locked(actor, study_id)
        respect(actor, study)
        removed, _by_model = live().filter(study=study).delete()
        if removed:
            audit.claimed_study(actor, study, released=True)


def live() -> QuerySet[Claim]:
    """Claims that have not lapsed, by the database's clock."""
    return Claim.objects.filter(expires_at__gt=Now())


def respect(actor: Actor, study: Study) -> None:
    """Conflict while another doctor's claim on the visit is live."""
    others = live().filter(study=study).exclude(doctor=actor.person)
    claim = others.select_related("doctor").first()
    if claim is not None:
        until = formats.time_format(timezone.localtime(claim.expires_at), "H:i")
        raise Conflict(
            _("%(doctor)s is reading this visit until %(until)s. Wait, or ask them to release it.")
            % {"doctor": claim.doctor.full_name, "until": until},
            claimed_by=claim.doctor.full_name,
            claimed_until=claim.expires_at.isoformat(),
        )


def _locked(actor: Actor, study_id: uuid.UUID) -> Study:
    """The visit, locked against other claims; uploads to it go on."""
    policies.require(actor, "add", Claim)
    return policies.find(actor, "view", Study.objects.select_for_update(no_key=True), pk=study_id)
