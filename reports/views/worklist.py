"""The worklist: which visit next, and who is reading which."""

import json
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid
from dermaclinic.rest import pagination
from imaging.models import Study
from inference.models import Prediction
from reports import selectors
from reports.opinions import PENDING
from reports.selectors import WorklistRow
from reports.services import claims
from reports.views.web import as_uuid, back

WHICH = ("all", "mine", "unclaimed")
PAGE = 25


@dataclass(frozen=True)
class Place:
    """Which part of the worklist a page shows; `cursor` stands for the visit that it follows."""

    which: str
    cursor: str

    @classmethod
    def of(cls, request: MemberRequest) -> "Place":
        """Whatever the address says; all of it from the top for what there is not."""
        which, cursor = request.GET.get("which", "all"), request.GET.get("after", "")
        try:
            pagination.place(cursor)
        except Invalid:
            cursor = ""
        return cls(which if which in WHICH else "all", cursor)

    @property
    def query(self) -> dict[str, str]:
        kept = {} if self.which == "all" else {"which": self.which}
        return kept | ({"after": self.cursor} if self.cursor else {})

    @property
    def url(self) -> str:
        """The page's own address."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        return f"{reverse('reports:worklist')}{query}"


@never_cache
@reading
@require_safe
def worklist(request: MemberRequest) -> HttpResponse:
    """Visits that wait, most pressing first."""
    place = Place.of(request)
    after = pagination.place(place.cursor)
    page = selectors.worklist(request.actor, which=place.which, after=after, limit=PAGE)
    following = pagination.cursor_at(page.after)
    studies = [row.study for row in page.rows]
    context = {
        "rows": page.rows,
        "which": place.which,
        "here": place.url,
        "first": Place(place.which, "").url if place.cursor else "",
        "next": Place(place.which, following).url if following else "",
        "poll": _poll(place, [study.pk for study in studies], studies),
        "pending": _pending(page.rows),
    }
    return render(request, "reports/worklist.html", context)


@never_cache
@reading
@require_safe
def live(request: MemberRequest) -> HttpResponse:
    """What has changed of the visits on an open page, cell by cell: nothing jumps.

    204 while nothing has (`mark`): only what is new is a look.
    """
    shown = [each for each in map(as_uuid, request.GET.get("shown", "").split(",")) if each][:PAGE]
    studies = list(selectors.worklist_studies(request.actor).filter(pk__in=shown))
    if _mark(studies) == request.GET.get("mark"):
        return HttpResponse(status=204)
    place = Place.of(request)
    rows = selectors.worklist_rows(request.actor, studies)
    found = [study.pk for study in studies]
    context = {
        "rows": rows,
        "gone": [pk for pk in shown if pk not in found],
        "moved": [pk for pk in shown if pk in found] != found,
        "here": place.url,
        "poll": _poll(place, shown, studies),
        "pending": _pending(rows),
    }
    return render(request, "reports/_worklist_live.html", context)


def _poll(place: Place, shown: list[uuid.UUID], studies: list[Study]) -> str:
    """Where an open page asks for news: which visits it shows, and how they stood."""
    asked = {"shown": ",".join(map(str, shown)), "mark": _mark(studies)}
    return f"{reverse('reports:worklist-live')}?{urlencode(place.query | asked, safe=',')}"


def _pending(rows: list[WorklistRow]) -> bool:
    images = [
        image
        for row in rows
        for image in row.unassigned + [each for lesion in row.lesions for each in lesion.images]
    ]
    return any(image.state == selectors.OpinionState.PENDING for image in images)


def _mark(studies: list[Study]) -> str:
    """Changes when a visit's place, its claim, or an opinion's being on its way does.

    Keyed: it stands in an address, and a plain hash would let one try out the probability.
    """
    pending = Prediction.objects.filter(instance__study__in=studies, status__in=PENDING)
    taken = claims.live().filter(study__in=studies).values_list("study_id", "doctor_id")
    state = [
        sorted(getattr(study, "worklist_key") for study in studies),  # noqa: B009 - an annotation, unknown to the types
        sorted(map(str, pending.values_list("instance_id", flat=True))),
        sorted(map(str, taken)),
    ]
    salt = "dermaclinic.worklist"
    return salted_hmac(salt, json.dumps(state), algorithm="sha256").hexdigest()[:16]


@member
@require_POST
def claim(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """Take a visit to read, or keep it for longer."""
    try:
        claims.claim_study(actor=request.actor, study_id=study_id)
    except Conflict as error:
        messages.warning(request, str(error.detail))
        return redirect("reports:worklist")
    return back(request, otherwise="reports:worklist")


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
    return back(request, otherwise="reports:worklist")
