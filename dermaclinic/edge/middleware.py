"""Before everything else: how much and how often; after it: what every answer says."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.accounts.caller import address_of
from dermaclinic.edge import rates
from dermaclinic.errors import DomainError, Invalid, TooMany, problem
from dermaclinic.problems import PROBLEM_JSON

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    # A passkey is asked for by our own pages; nothing else of the device is any page's business.
    "Permissions-Policy": "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), "
    "camera=(), display-capture=(), encrypted-media=(), fullscreen=(self), geolocation=(), "
    "gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), "
    "midi=(), payment=(), picture-in-picture=(), publickey-credentials-create=(self), "
    "publickey-credentials-get=(self), screen-wake-lock=(), serial=(), storage-access=(), "
    "usb=(), web-share=(), xr-spatial-tracking=()",
    "Cache-Control": "private, no-store",  # unless a view or a static file says otherwise
}
FILES = ("multipart/form-data", "application/offset+octet-stream")
MONITORS = ("/healthz", "/readyz", "/metrics")
# A page with a viewfinder says so itself (imaging/views/capture.py).
WITH_CAMERA = HEADERS["Permissions-Policy"].replace("camera=()", "camera=(self)")
_WRITING = ("POST", "PUT", "PATCH", "DELETE")

Handler = Callable[[HttpRequest], HttpResponse]


class BodyTooLarge(DomainError):
    """More than a form or a JSON document may hold."""

    status = 413
    slug = "too-large"
    title = _("The request is too large")


class EdgeMiddleware:
    """Sizes and rates by address, before a session or the database is asked; common headers."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._stopped(request) or self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _stopped(self, request: HttpRequest) -> HttpResponse | None:
        if request.path in MONITORS:
            return None
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if not (declared.isascii() and declared.isdigit()):
            return _refusal(request, Invalid(_("The length of the body is no number.")))
        # Files have limits of their own (imaging/uploads.py, imaging/resumable, rest/parsers.py),
        # which say more.
        is_file = request.content_type in FILES
        if int(declared) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and not is_file:
            return _refusal(request, BodyTooLarge(_("Send less at a time.")))
        return _slowed(request, "address", rates.whole_line(address_of(request)))


class RateMiddleware:
    """Rates by person; and by address what nobody signed in sends: guesses, mostly."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_args: Any) -> HttpResponse | None:
        """Once the session is known."""
        if request.path in MONITORS:
            return None
        if request.user.is_authenticated:
            return _slowed(request, "member", str(request.user.pk))
        if _is_guess(request, view):
            return _slowed(request, "guesses", rates.whole_line(address_of(request)))
        return None


def _is_guess(request: HttpRequest, view: Any) -> bool:
    """What nobody signed in writes; a passkey's question, too, since a session is made for it.

    Not what an API view reads a token of: nobody guesses those, and they are counted by member.
    """
    if request.resolver_match and request.resolver_match.url_name == "sign-in-passkey":
        return True
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    reads_tokens = bool(getattr(getattr(view, "cls", None), "authentication_classes", ()))
    return request.method in _WRITING and not (reads_tokens and scheme.lower() == "token")


def _slowed(request: HttpRequest, kind: str, who: str) -> HttpResponse | None:
    verdict = rates.hit(kind, who)
    if not verdict.is_over:
        return None
    sentence = _("Wait %(seconds)s seconds, then try again.") % {"seconds": verdict.retry_after}
    response = _refusal(request, TooMany(sentence))
    response.headers["Retry-After"] = str(verdict.retry_after)
    return response


def _refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A problem for the API, else a page that asks neither session nor database for anything."""
    if request.path.startswith("/api/"):
        return JsonResponse(problem(error), status=error.status, content_type=PROBLEM_JSON)
    fragment = "HX-Request" in request.headers
    template = "partials/notice.html" if fragment else "errors/stopped.html"
    return HttpResponse(render_to_string(template, _words(error)), status=error.status)


def _words(error: DomainError) -> dict[str, StrOrPromise]:
    return {"kind": "warning", "title": error.title, "text": error.detail, "role": "alert"}
