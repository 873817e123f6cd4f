"""Similar cases: the panel beside an opinion, and the pictures in it."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Unavailable
from imaging.vault import VaultError
from reports import passes
from reports.selectors import crops, similar as selector


@never_cache
@reading
@require_safe
def similar(request: MemberRequest, prediction_id: uuid.UUID) -> HttpResponse:
    """The nearest confirmed cases, to be laid into the review page or, without scripts, a page."""
    found = selector.similar(request.actor, prediction_id)
    groups = [
        (code, [(case.diagnosis, passes.issue(request.actor, case.instance)) for case in cases])
        for code, cases in found.groups
    ]
    template = "reports/_similar.html" if request.htmx else "reports/similar.html"  # type: ignore[attr-defined]  # HtmxMiddleware
    context = {"found": found, "groups": groups, "needed": selector.FEWEST}
    return render(request, template, context)


@member
@require_safe
def crop(request: MemberRequest, text: str) -> HttpResponse:
    """One picture. Nobody keeps it: neither the browser nor anything between."""
    try:
        content = crops.crop(request.actor, text)
    except VaultError as error:
        raise Unavailable(_("This image cannot be opened at the moment.")) from error
    response = HttpResponse(content, content_type="image/jpeg")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = "inline"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
