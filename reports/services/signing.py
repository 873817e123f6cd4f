"""Signing: the doctor enters the password again, the content freezes, a worker makes the PDF."""

import uuid
from collections.abc import Sequence

from django.contrib.auth.hashers import check_password
from django.db import connection
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit, bell
from dermaclinic.accounts import lockout, policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging.models import Study
from reports import content
from reports.models import Assessment, Report
from reports.services import composing


def sign(*, actor: Actor, report_id: uuid.UUID, password: str) -> Report:
    """Freeze a draft's content, give it its number, and ask for its PDF.

    Invalid (`errors["password"]`) and an event that survives when the password is wrong; nothing
    else changes. Locked after too many wrong ones, here or at the door. Conflict when it is signed
    already, or an assessment is no longer the newest, or an image that was assessed has been moved
    since.
    """
    with clinic_context(actor.clinic_id):
        draft = policies.find(actor, "sign", Report.objects.all(), pk=report_id)
    authenticate(actor, [draft], password)
    return freeze(actor, report_id)


def freeze(actor: Actor, report_id: uuid.UUID) -> Report:
    """Sign a draft of somebody who has just been authenticated; refusals as `sign` has them."""
    with clinic_context(actor.clinic_id):
        draft = policies.find(actor, "sign", Report.objects.all(), pk=report_id)
        composing.lock(draft.patient_id)
        report = policies.find(
            actor,
            "sign",
            Report.objects.select_for_update(of=["self"]).select_related(
                "patient", "study", "replaces", "replaced_by"
            ),
            pk=report_id,
        )
        if report.status == Report.Status.SIGNED:
            raise Conflict(_("This report is signed already."))
        assessments = _assessments(report)
        composing.check(assessments, replaces=report.replaces)
        report.number = report.number or _next_number(actor.clinic_id)
        report.signed_at = max(timezone.now(), report.composed_at)
        report.signed_by = actor.person
        report.content = content.freeze(actor, report, assessments, report.signed_at)
        report.content_sha256 = content.sha256(report.content)
        report.signing_event = audit.signed_report(actor, report).pk
        report.status = Report.Status.SIGNED
        report.pdf_status = Report.Pdf.PENDING
        report.save()
        bell.ring(bell.RENDER)
    return report


def authenticate(actor: Actor, signed: Sequence[Report | Study], password: str) -> None:
    """The password once more, for what is about to be signed: drafts, or whole visits.

    The hash as it is now counts, not the one from when the session began. Outside of the signing's
    transaction, whose end would take back the count of wrong ones.
    """
    caller = lockout.caller_of(actor)
    lockout.require_open(caller, actor.person.email)
    stored = User.objects.values_list("password", flat=True).filter(
        pk=actor.person.pk, is_active=True
    )
    if not check_password(password, stored.first() or ""):
        for each in signed:
            audit.sign_refused(actor, each)
        if lockout.failed(caller, actor.person.email):
            audit.locked_out(
                address=actor.address, account=actor.person.pk, clinics=[actor.clinic_id]
            )
        sentence = _("The password is not right. Nothing has been signed.")
        raise Invalid(sentence, errors={"password": [sentence]})


def _assessments(report: Report) -> list[Assessment]:
    return list(
        Assessment.objects.filter(items__report=report)
        .order_by("items__position")
        .select_related("lesion", "author", "opinion__model_version")
    )


def _next_number(clinic_id: uuid.UUID) -> int:
    """One more than the clinic's last; a lock until the commit keeps the row without gaps."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"report of {clinic_id}"]
        )
    last = Report.objects.filter(clinic_id=clinic_id).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1
