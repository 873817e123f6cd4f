"""The worklist: which visit next, and who is reading which.

An open page asks for news. What has changed of a visit that it shows is exchanged in its place;
what would move or add one is only told of, until somebody wants it.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic.accounts.web import MemberRequest, reading
from dermaclinic.errors import Invalid
from dermaclinic.rest import pagination
from imaging.models import Study
from inference.models import Prediction
from reports import selectors
from reports.opinions import PENDING
from reports.selectors import WorklistRow
from reports.services import claims
from reports.views.web import as_uuid

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
        "poll": _poll(place, [study.pk for study in studies], studies, bool(following)),
        "pending": _pending(page.rows),
    }
    return render(request, "reports/worklist.html", context)


@never_cache
@reading
@require_safe
def live(request: MemberRequest) -> HttpResponse:
    """What has changed of the visits on an open page, cell by cell, and how many are new.

    204 while nothing has (`mark`): only what is new is a look.
    """
    shown = [each for each in map(as_uuid, request.GET.get("shown", "").split(",")) if each][:PAGE]
    place, more = Place.of(request), request.GET.get("more") == "1"
    studies = list(selectors.worklist_studies(request.actor).filter(pk__in=shown))
    fresh = _fresh(request, place, shown, studies, more)
    if _mark(studies, fresh) == request.GET.get("mark"):
        return HttpResponse(status=204)
    rows = selectors.worklist_rows(request.actor, studies)
    found = [study.pk for study in studies]
    context = {
        "rows": rows,
        "gone": [pk for pk in shown if pk not in found],
        "moved": [pk for pk in shown if pk in found] != found,
        "fresh": len(fresh),
        "here": place.url,
        "poll": _poll(place, shown, studies, more, fresh),
        "pending": _pending(rows),
    }
    return render(request, "reports/_worklist_live.html", context)


def _fresh(
    request: MemberRequest,
    place: Place,
    shown: list[uuid.UUID],
    studies: list[Study],
    more: bool,
) -> list[uuid.UUID]:
    """Visits that the page would show now and does not: those above its last one, on its last
    page (not `more`) those below, too. At most a page of them.
    """
    others = selectors.worklist_studies(request.actor, which=place.which).exclude(pk__in=shown)
    if after := pagination.place(place.cursor):
        others = others.filter(Q(worklist_key__gt=after))
    if more and studies:
        others = others.filter(Q(worklist_key__lt=_key(studies[-1])))
    return [study.pk for study in others[:PAGE]]


def _key(study: Study) -> str:
    key: str = getattr(study, "worklist_key")  # noqa: B009 - an annotation, unknown to the types
    return key


def _poll(
    place: Place,
    shown: list[uuid.UUID],
    studies: list[Study],
    more: bool,
    fresh: Sequence[uuid.UUID] = (),
) -> str:
    """Where an open page asks for news: which visits it shows, and how they stood."""
    asked = {"shown": ",".join(map(str, shown)), "mark": _mark(studies, fresh)}
    asked |= {"more": "1"} if more else {}
    return f"{reverse('reports:worklist-live')}?{urlencode(place.query | asked, safe=',')}"


def _pending(rows: list[WorklistRow]) -> bool:
    images = [
        image
        for row in rows
        for image in row.unassigned + [each for lesion in row.lesions for each in lesion.images]
    ]
    return any(image.state == selectors.OpinionState.PENDING for image in images)


def _mark(studies: list[Study], fresh: Sequence[uuid.UUID]) -> str:
    """Changes when a visit's place, its claim, or an opinion's being on its way does, or one comes.

    Keyed: it stands in an address, and a plain hash would let one try out the probability.
    """
    pending = Prediction.objects.filter(instance__study__in=studies, status__in=PENDING)
    taken = claims.live().filter(study__in=studies).values_list("study_id", "doctor_id")
    state = [
        sorted(map(_key, studies)),
        sorted(map(str, pending.values_list("instance_id", flat=True))),
        sorted(map(str, taken)),
        sorted(map(str, fresh)),
    ]
    salt = "dermaclinic.worklist"
    return salted_hmac(salt, json.dumps(state), algorithm="sha256").hexdigest()[:16]
