"""One's own pages: tokens, and where one is signed in."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dermaclinic.accounts import idle, sessions, tokens
from dermaclinic.accounts.people_forms import TokenForm
from dermaclinic.accounts.web import MemberRequest, member, reading, reauthenticated
from dermaclinic.errors import Conflict, Invalid


@require_http_methods(["GET", "HEAD", "POST"])
@member
def own_tokens(request: MemberRequest) -> HttpResponse:
    """One's own tokens. A new one's text stands in the answer, this once."""
    return _issue(request) if request.method == "POST" else _tokens(request)


@reauthenticated
def _issue(request: MemberRequest) -> HttpResponse:
    form = TokenForm(request.actor.role, request.POST)
    if not form.is_valid():
        return _tokens(request, form, status=Invalid.status)
    try:
        token, text = tokens.issue(
            actor=request.actor,
            name=form.cleaned_data["name"],
            wanted=form.cleaned_data["scopes"],
            days=form.cleaned_data["days"],
        )
    except Invalid as error:
        form.refuse(error)
        return _tokens(request, form, status=error.status)
    return _tokens(request, status=201, issued=token, text=text)


@never_cache
@reading
def _tokens(
    request: MemberRequest, form: TokenForm | None = None, status: int = 200, **more: object
) -> HttpResponse:
    context = {
        "tokens": tokens.of_member(request.actor),
        "form": form or TokenForm(request.actor.role),
        **more,
    }
    return render(request, "accounts/tokens.html", context, status=status)


@require_POST
@member
def revoke_own_token(request: MemberRequest, token_id: uuid.UUID) -> HttpResponse:
    """End one of one's own tokens."""
    try:
        tokens.revoke(actor=request.actor, token_id=token_id, own=True)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("The token is revoked."))
    return redirect("account:tokens")


@require_safe
@never_cache
@member
def own_sessions(request: MemberRequest) -> HttpResponse:
    """Where one is signed in."""
    context = {
        "sessions": sessions.of(request.actor.person),
        "current": request.session.session_key,
    }
    return render(request, "accounts/sessions.html", context)


@require_POST
@member
def end_session(request: MemberRequest, session_id: int) -> HttpResponse:
    """Sign oneself out at one place; here, the way out is the button for it."""
    sessions.end(
        actor=request.actor, session_id=session_id, current=request.session.session_key or ""
    )
    messages.success(request, _("You are signed out there."))
    return redirect("account:sessions")


@require_POST
@member
def end_other_sessions(request: MemberRequest) -> HttpResponse:
    """Sign oneself out everywhere else."""
    ended = sessions.end_others(actor=request.actor, current=request.session.session_key or "")
    sentence = ngettext(
        "You are signed out at %(count)s other place.",
        "You are signed out at %(count)s other places.",
        ended,
    )
    messages.success(request, sentence % {"count": ended})
    return redirect("account:sessions")


@require_POST
@login_required
def stay(request: HttpRequest) -> HttpResponse:
    """Somebody is at work on a page that asks for nothing. To have asked is all it takes."""
    return HttpResponse(status=204)


@require_POST
def idled_out(request: HttpRequest) -> HttpResponse:
    """The browser has seen nobody for as long as the clinic allows, and covers its page."""
    if request.user.is_authenticated:
        idle.sign_out(request)
        messages.info(request, _("You were signed out after a pause."))
    return HttpResponse(status=204)
