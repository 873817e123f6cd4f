"""The review of a visit: what the images show, what the network says, what the doctor decides."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid, NotFound
from imaging.models import Study
from patients.models import Lesion, Patient, Purpose
from patients.services import consents
from reports import opinions, selectors
from reports.forms import AssessmentForm
from reports.models import Agreement, Assessment
from reports.selectors import OpinionState, Review, ReviewLesion
from reports.services import assessments, composing
from reports.views.web import as_uuid

REFUSED = 422  # the page again, with what was entered

RECORDED = {
    Agreement.AGREES: _("Lesion %(number)d is recorded. You agree with the opinion."),
    Agreement.PARTLY: _(
        "Lesion %(number)d is recorded. Your diagnosis is among the opinion's first three."
    ),
    Agreement.DIFFERS: _("Lesion %(number)d is recorded. You differ from the opinion."),
    Agreement.NO_OPINION: _("Lesion %(number)d is recorded, without an opinion beside it."),
}


@dataclass(frozen=True)
class Card:
    """A lesion on the page. `form` is None for those who may not assess."""

    row: ReviewLesion
    form: AssessmentForm | None

    @property
    def write(self) -> bool:
        """Is the form open: not assessed whole, or just refused?"""
        return self.row.open or bool(self.form and self.form.is_bound)


@never_cache
@reading
@require_safe
def review(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """The whole page."""
    return _page(request, study_id)


def _page(
    request: MemberRequest,
    study_id: uuid.UUID,
    *,
    refused: tuple[uuid.UUID, AssessmentForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = selectors.review(request.actor, study_id)
    if refused is not None and refused[0] not in {row.lesion.pk for row in found.lesions}:
        raise NotFound(_("This visit has no image of the lesion."))
    may_assess = policies.can(request.actor, "add", Assessment)
    cards = [Card(row, _form(row, refused) if may_assess else None) for row in found.lesions]
    context = {
        "review": found,
        "patient": found.patient,
        "consents": _consents(found.patient),
        "cards": cards,
        "may_assess": may_assess,
        "here": reverse("reports:review", args=[study_id]),
        "waiting": _waiting(found),
        "others": found.claim is not None and found.claim.doctor != request.actor.user,
    }
    return render(request, "reports/review.html", context, status=status)


def _form(row: ReviewLesion, refused: tuple[uuid.UUID, AssessmentForm] | None) -> AssessmentForm:
    if refused is not None and refused[0] == row.lesion.pk:
        return refused[1]
    return AssessmentForm.for_lesion(row.lesion.number, former=row.assessment)


def _consents(patient: Patient) -> list[tuple[Any, bool | None]]:
    """Each purpose with yes, no, or None for not asked."""
    said = consents(patient)
    return [(label, said.get(purpose)) for purpose, label in Purpose.choices]


def _waiting(found: Review) -> str:
    """Images of lesions whose opinion is on its way, for the page's poll."""
    return ",".join(
        str(image.instance.pk)
        for row in found.lesions
        for image in row.images
        if image.state == OpinionState.PENDING
    )


@never_cache
@reading
@require_safe
def live(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """The opinions that have arrived since the page was shown; a look. 204 while none has."""
    asked = {each for each in map(as_uuid, request.GET.get("images", "").split(",")) if each}
    policies.find(request.actor, "view", Study.objects.all(), pk=study_id)
    newest = opinions.newest(asked)
    if all(pk in newest and newest[pk].pending for pk in asked):
        return HttpResponse(status=204)
    found = selectors.review(request.actor, study_id)
    arrived = [
        row
        for row in found.lesions
        if any(
            image.instance.pk in asked and image.state != OpinionState.PENDING
            for image in row.images
        )
    ]
    for row in arrived:
        for image in row.images:
            if image.prediction is not None and image.state == OpinionState.READY:
                audit.viewed_prediction(request.actor, image.prediction)
    context = {
        "review": found,
        "patient": found.patient,
        "arrived": arrived,
        "waiting": _waiting(found),
        "here": reverse("reports:review", args=[study_id]),
    }
    return render(request, "reports/_review_live.html", context)


@member
@require_POST
def assess(request: MemberRequest, study_id: uuid.UUID, lesion_id: uuid.UUID) -> HttpResponse:
    """Record a judgement, then on to the next lesion. A refusal keeps what was entered."""
    number = _number(request, lesion_id)
    form = AssessmentForm.for_lesion(number, request.POST)
    status = REFUSED
    if form.is_valid():
        try:
            made = assessments.record_assessment(
                actor=request.actor, study_id=study_id, lesion_id=lesion_id, **form.answers
            )
        except (Invalid, Conflict) as error:
            if "lesion" in error.errors:
                raise
            form.refuse(error)
            status = REFUSED if isinstance(error, Invalid) else error.status
        else:
            sentence = RECORDED[Agreement(made.agreement)] % {"number": number}
            messages.success(request, sentence)
            return redirect(_onward(request, study_id, number))
    return _refused(request, study_id, (lesion_id, form), status)


def _number(request: MemberRequest, lesion_id: uuid.UUID) -> int:
    with clinic_context(request.actor.clinic_id):
        policies.require(request.actor, "add", Assessment)
        return policies.find(request.actor, "view", Lesion.objects.all(), pk=lesion_id).number


@never_cache
@reading
def _refused(
    request: MemberRequest,
    study_id: uuid.UUID,
    refused: tuple[uuid.UUID, AssessmentForm],
    status: int,
) -> HttpResponse:
    return _page(request, study_id, refused=refused, status=status)


def _onward(request: MemberRequest, study_id: uuid.UUID, number: int) -> str:
    """The next lesion that waits, the first one again, or else the report."""
    found = selectors.review(request.actor, study_id, again=True)
    waiting = [row.lesion.number for row in found.lesions if row.open]
    later = [each for each in waiting if each > number]
    place = next((f"lesion-{each}" for each in later + waiting), "report")
    return f"{reverse('reports:review', args=[study_id])}#{place}"


@member
@require_POST
def compose(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """A draft from the chosen assessments of the visit."""
    chosen = [each for each in map(as_uuid, request.POST.getlist("assessment")) if each is not None]
    try:
        draft = composing.compose(actor=request.actor, assessment_ids=chosen)
    except (Invalid, Conflict) as error:
        messages.error(request, str(error.detail))
        return redirect(f"{reverse('reports:review', args=[study_id])}#report")
    return redirect("reports:report", draft.pk)
