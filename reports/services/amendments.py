"""Corrections of signed reports: what must be amended, and the draft of the next version."""

import uuid

from django.utils.translation import gettext, gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.models import Instance
from reports.models import Assessment, Report
from reports.services import composing


def amend(*, actor: Actor, report_id: uuid.UUID) -> Report:
    """A draft of the next version of a signed report, from the newest assessments of its lesions.

    A lesion without an image in the visit is left out: the next version withdraws what was said of
    it. Amending once more answers with the draft that is there. Conflict for a draft, for a version
    that has been replaced, or for a lesion that lost an image and has not been assessed since.
    """
    with clinic_context(actor.clinic_id):
        found = policies.find(actor, "add", Report.objects.all(), pk=report_id)
        composing.lock(found.patient_id)
        former = Report.objects.select_for_update(of=["self"]).get(pk=found.pk)
        if former.status != Report.Status.SIGNED:
            raise Conflict(_("This is a draft: discard it and compose another one."))
        if (next_version := Report.objects.filter(replaces=former).first()) is not None:
            if next_version.status == Report.Status.DRAFT:
                return next_version
            raise Conflict(
                _("This version has been replaced by %(next)s. Amend that one.")
                % {"next": next_version}
            )
        kept = _kept(former)
        composing.check(kept, replaces=former)
        draft = Report.objects.create(
            clinic_id=actor.clinic_id,
            patient_id=former.patient_id,
            study_id=former.study_id,
            number=former.number,
            version=former.version + 1,
            replaces=former,
            composed_by=actor.person,
        )
        composing.fill(draft, kept)
        audit.composed_report(actor, draft)
    return draft


def _kept(former: Report) -> list[Assessment]:
    """The newest assessment of each lesion that still has an image in the visit."""
    here = set(Instance.objects.filter(study=former.study_id).values_list("lesion_id", flat=True))
    lesions = former.items.values_list("assessment__lesion_id", flat=True)
    newest = (
        composing.newest(former.study_id, lesion_id) for lesion_id in lesions if lesion_id in here
    )
    return [each for each in newest if each is not None]


def flag_moved(actor: Actor, instance: Instance, former_patient: uuid.UUID) -> None:
    """A step of the transaction that moves an image: signed reports that show it need amending."""
    with clinic_context(actor.clinic_id):
        shown = Report.objects.select_for_update(of=["self"]).filter(
            patient_id=former_patient,
            status=Report.Status.SIGNED,
            assessments__images__contains=[instance.pk],
        )
        reason = gettext("An image in this report has been moved to another place.")
        for report in {each.pk: each for each in shown.order_by("pk")}.values():
            if not report.replaced:
                report.amendment_reason = reason
                report.save(update_fields=["amendment_reason"])
                audit.flagged_report(actor, report, reason=reason)
