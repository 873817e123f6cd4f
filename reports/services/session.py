"""One signature for a session: several visits' reports, with the password once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid, NotFound
from imaging.models import Study
from reports import content
from reports.models import Report
from reports.services import composing, signing

MOST = 200  # visits in one signing


@dataclass(frozen=True)
class Wanted:
    """A visit's assessments as the page showed them, in the order of the report.

    `said` is `content.said` of what stood on the page.
    """

    study_id: uuid.UUID
    assessment_ids: tuple[uuid.UUID, ...]
    said: str


@dataclass(frozen=True)
class Outcome:
    """What became of a visit: its signed report, or the sentence that says why there is none."""

    study_id: uuid.UUID
    report: Report | None
    refusal: str = ""


def sign_session(*, actor: Actor, wanted: Sequence[Wanted], password: str) -> list[Outcome]:
    """Compose and sign a report for each visit. One that is refused leaves the others alone.

    Each visit is a transaction of its own, so that a refusal leaves no draft behind. Invalid, with
    an event that survives and nothing signed, when the password is wrong or nothing is chosen.
    """
    if not wanted:
        sentence = _("Choose at least one visit.")
        raise Invalid(sentence, errors={"visits": [sentence]})
    if len(wanted) > MOST:
        sentence = _("Sign at most %(most)d visits at once.") % {"most": MOST}
        raise Invalid(sentence, errors={"visits": [sentence]})
    with clinic_context(actor.clinic_id):
        policies.require(actor, "sign", Report)
        studies = [
            policies.find(actor, "view", Study.objects.all(), pk=each.study_id) for each in wanted
        ]
    signing.authenticate(actor, studies, password)
    return [_sign(actor, each) for each in wanted]


def _sign(actor: Actor, wanted: Wanted) -> Outcome:
    try:
        with clinic_context(actor.clinic_id):
            draft = composing.compose(actor=actor, assessment_ids=wanted.assessment_ids)
            if draft.study_id != wanted.study_id:
                raise Invalid(_("These assessments belong to another visit."))
            report = signing.freeze(actor, draft.pk)
            # A merged record, a corrected name, another prevalence: nobody has read that yet.
            if content.said(report.content or {}) != wanted.said:
                raise Conflict(
                    _("What the report would say has changed since you read it. Read it again.")
                )
    except (Conflict, Invalid, NotFound) as error:
        return Outcome(wanted.study_id, None, str(error.detail))
    return Outcome(wanted.study_id, report)
