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

from dermaclinic.accounts import policies, undo
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid, NotFound
from patients.models import Lesion, Patient, Purpose
from patients.services import consents
from reports import diagnoses, selectors
from reports.forms import AssessmentForm, KeepForm
from reports.models import Agreement, Assessment
from reports.selectors import ReviewLesion
from reports.selectors.sheet import sheet
from reports.services import assessments, composing, withdrawal
from reports.views.review_live import counts, waiting
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
    """A lesion on the page. `form` is None for those who may not assess.

    `keep` asks the author of a first impression that differs from the opinion why it holds.
    """

    row: ReviewLesion
    form: AssessmentForm | None
    keep: KeepForm | None

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
    refused: tuple[uuid.UUID, AssessmentForm | KeepForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = selectors.review(request.actor, study_id)
    if refused is not None and refused[0] not in {row.lesion.pk for row in found.lesions}:
        raise NotFound(_("This visit has no image of the lesion."))
    may_assess = policies.can(request.actor, "add", Assessment)
    cards = [_card(request, row, refused) for row in found.lesions]
    context = {
        "review": found,
        "patient": found.patient,
        "consents": _consents(found.patient),
        "cards": cards,
        "sheet": sheet(found),
        "may_assess": may_assess,
        "here": reverse("reports:review", args=[study_id]),
        "waiting": waiting(found),
        "counts": counts(found),
        "others": found.claim is not None and found.claim.doctor != request.actor.user,
    }
    return render(request, "reports/review.html", context, status=status)


def _card(request: MemberRequest, row: ReviewLesion, refused: tuple[uuid.UUID, Any] | None) -> Card:
    if not policies.can(request.actor, "add", Assessment):
        return Card(row, None, None)
    bound = refused[1] if refused is not None and refused[0] == row.lesion.pk else None
    form = bound if isinstance(bound, AssessmentForm) else None
    keep = bound if isinstance(bound, KeepForm) else None
    made = row.assessment
    if keep is None and made is not None and row.unconfirmed and made.author == request.actor.user:
        keep = KeepForm.for_lesion(row.lesion.number)
    number = row.lesion.number
    return Card(row, form or AssessmentForm.for_lesion(number, former=made), keep)


def _consents(patient: Patient) -> list[tuple[Any, bool | None]]:
    """Each purpose with yes, no, or None for not asked."""
    said = consents(patient)
    return [(label, said.get(purpose)) for purpose, label in Purpose.choices]


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
                actor=request.actor, study_id=study_id, lesion_id=lesion_id,
                images=_shown(request), **form.answers,
            )  # fmt: skip
        except (Invalid, Conflict) as error:
            if "lesion" in error.errors:
                raise
            form.refuse(error)
            status = REFUSED if isinstance(error, Invalid) else error.status
        else:
            return _recorded(request, made, number)
    return _refused(request, study_id, (lesion_id, form), status)


def _shown(request: MemberRequest) -> set[uuid.UUID] | None:
    """The images of the lesion that the page showed; None when it does not say."""
    if "images" not in request.POST:
        return None
    return {each for each in map(as_uuid, request.POST["images"].split(",")) if each is not None}


def _number(request: MemberRequest, lesion_id: uuid.UUID) -> int:
    with clinic_context(request.actor.clinic_id):
        policies.require(request.actor, "add", Assessment)
        return policies.find(request.actor, "view", Lesion.objects.all(), pk=lesion_id).number


@never_cache
@reading
def _refused(
    request: MemberRequest,
    study_id: uuid.UUID,
    refused: tuple[uuid.UUID, AssessmentForm | KeepForm],
    status: int,
) -> HttpResponse:
    return _page(request, study_id, refused=refused, status=status)


def _recorded(request: MemberRequest, made: Assessment, number: int) -> HttpResponse:
    """Said, with its undo; and on."""
    sentence = RECORDED[Agreement(made.agreement)] % {"number": number}
    undo.offer(request, sentence, at=reverse("reports:withdraw", args=[made.pk]))
    return redirect(_onward(request, made, number))


def _onward(request: MemberRequest, made: Assessment, number: int) -> str:
    """Where the opinion that has just opened asks something: there. Else to the next lesion that
    waits, the first one again, or the report.
    """
    found = selectors.review(request.actor, made.study_id, again=True)
    waiting = [row.lesion.number for row in found.lesions if row.open]
    later = [each for each in waiting if each > number]
    place = next((f"lesion-{each}" for each in later + waiting), "report")
    if any(row.assessment == made and _asks(row) for row in found.lesions):
        place = f"lesion-{number}"
    return f"{reverse('reports:review', args=[made.study_id])}#{place}"


def _asks(row: ReviewLesion) -> bool:
    """Does an opinion that a first impression has opened say something else, or warn?"""
    made = row.assessment
    if made is None or not made.blinded or row.opinion is None:
        return False
    benign = not diagnoses.warning(made.diagnoses[0])
    return made.agreement != Agreement.AGREES or (row.opinion.triage == "urgent" and benign)


@member
@require_POST
def keep(request: MemberRequest, assessment_id: uuid.UUID) -> HttpResponse:
    """A first impression holds although it differs from the opinion. A refusal keeps the reason."""
    found = _assessment(request, assessment_id, "add")
    form = KeepForm.for_lesion(found.lesion.number, request.POST)
    status = REFUSED
    if form.is_valid():
        try:
            made = assessments.keep_assessment(
                actor=request.actor, assessment_id=assessment_id, images=_shown(request),
                **form.cleaned_data,
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        except Conflict as error:
            if "images" not in error.errors:
                messages.error(request, str(error.detail))
                return redirect(_place(found))
            form.refuse(error)
            status = error.status
        else:
            return _recorded(request, made, found.lesion.number)
    return _refused(request, found.study_id, (found.lesion_id, form), status)


@member
@require_POST
def withdraw(request: MemberRequest, assessment_id: uuid.UUID) -> HttpResponse:
    """Take one's newest assessment of a lesion back; the lesion's place on the page again."""
    found = _assessment(request, assessment_id, "withdraw")
    try:
        withdrawal.withdraw_assessment(actor=request.actor, assessment_id=assessment_id)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        sentence = _(
            "The assessment of lesion %(number)d is taken back. It stays on record as such."
        )
        messages.success(request, sentence % {"number": found.lesion.number})
    return redirect(_place(found))


def _assessment(request: MemberRequest, assessment_id: uuid.UUID, verb: str) -> Assessment:
    with clinic_context(request.actor.clinic_id):
        rows = Assessment.objects.select_related("lesion")
        return policies.find(request.actor, verb, rows, pk=assessment_id)


def _place(made: Assessment) -> str:
    return f"{reverse('reports:review', args=[made.study_id])}#lesion-{made.lesion.number}"


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
