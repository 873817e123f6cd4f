"""The worklist: which visit next, and who is reading which."""

import hashlib
import json
import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict
from imaging.models import Study
from inference.models import Prediction
from reports import selectors
from reports.opinions import PENDING
from reports.selectors import WorklistRow
from reports.services import claims

WHICH = ("all", "mine", "unclaimed")
PAGE = 25


@never_cache
@reading
@require_safe
def worklist(request: MemberRequest) -> HttpResponse:
    """Visits that wait, most pressing first."""
    which = request.GET.get("which", "all")
    which = which if which in WHICH else "all"
    after = request.GET.get("after", "")
    page = selectors.worklist(request.actor, which=which, after=after, limit=PAGE)
    kept = {} if which == "all" else {"which": which}
    here = f"{reverse('reports:worklist')}?{urlencode(kept | ({'after': after} if after else {}))}"
    context = {
        "rows": page.rows,
        "which": which,
        "first": f"{reverse('reports:worklist')}?{urlencode(kept)}" if after else "",
        "next": f"?{urlencode(kept | {'after': page.after})}" if page.after else "",
        "here": here.rstrip("?"),
        **_live([row.study for row in page.rows], page.rows),
    }
    return render(request, "reports/worklist.html", context)


@never_cache
@reading
@require_safe
def live(request: MemberRequest) -> HttpResponse:
    """What has changed of the visits on an open page, cell by cell: nothing jumps.

    204 while nothing has (`mark`). Only new things are a look.
    """
    shown = [each for each in map(_uuid, request.GET.get("shown", "").split(",")) if each][:PAGE]
    waiting = selectors.worklist_studies(request.actor).filter(pk__in=shown)
    studies = list(waiting)
    if _mark(studies) == request.GET.get("mark"):
        return HttpResponse(status=204)
    rows = selectors.worklist_rows(request.actor, studies)
    found = [study.pk for study in studies]
    gone = [pk for pk in shown if pk not in found]
    context = {
        "rows": rows,
        "gone": gone,
        "moved": [pk for pk in shown if pk in found] != found,
        "here": request.GET.get("here", reverse("reports:worklist")),
        "shown": ",".join(map(str, shown)),
        **_live(studies, rows),
    }
    context["shown"] = ",".join(map(str, shown))
    return render(request, "reports/_worklist_live.html", context)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _live(studies: list[Study], rows: list[WorklistRow]) -> dict[str, object]:
    """What the page's poll needs: which visits, how they stood, and whether to ask at all."""
    return {
        "shown": ",".join(str(study.pk) for study in studies),
        "mark": _mark(studies),
        "pending": any(
            image.state == selectors.OpinionState.PENDING
            for row in rows
            for image in [each for lesion in row.lesions for each in lesion.images] + row.unassigned
        ),
    }


def _mark(studies: list[Study]) -> str:
    """Changes when a visit's place, its claim, or an opinion's being on its way does."""
    pending = Prediction.objects.filter(instance__study__in=studies, status__in=PENDING)
    taken = claims.live().filter(study__in=studies).values_list("study_id", "doctor_id")
    state = [
        sorted(getattr(study, "worklist_key") for study in studies),  # noqa: B009 - an annotation, unknown to the types
        sorted(map(str, pending.values_list("instance_id", flat=True))),
        sorted(map(str, taken)),
    ]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]


@member
@require_POST
def claim(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """Take a visit to read, or keep it for longer."""
    try:
        claims.claim_study(actor=request.actor, study_id=study_id)
    except Conflict as error:
        messages.warning(request, str(error.detail))
        return redirect("reports:worklist")
    return _back(request)


@member
@require_POST
def release(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """Give a visit back."""
    try:
        claims.release_study(actor=request.actor, study_id=study_id)
    except Conflict as error:
        messages.warning(request, str(error.detail))
    else:
        messages.success(request, _("The visit is free for others again."))
    return _back(request)


def _back(request: MemberRequest) -> HttpResponse:
    target = request.POST.get("next", "")
    secure = request.is_secure()
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=secure)
    return redirect(target if safe else "reports:worklist")
