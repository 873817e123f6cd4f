"""Signing in and out, choosing a clinic, and the way home."""

import uuid

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib import auth
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from dermaclinic.accounts import door, oidc, questions, services
from dermaclinic.accounts.forms import CodeForm, PasswordForm, SignInForm
from dermaclinic.accounts.lockout import Locked
from dermaclinic.accounts.models import Role, User
from dermaclinic.accounts.web import OWN, MemberRequest, PersonRequest, member
from dermaclinic.errors import DomainError, Invalid, NotFound

HOME = {
    Role.TECHNICIAN.value: "patients:find",
    Role.DOCTOR.value: "reports:worklist",
    Role.ADMINISTRATOR.value: "audit:events",
}


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The door. A fragment that lands here after a session's end makes its page come here, too."""
    if getattr(request, "htmx", False):
        return HttpResponseClientRefresh()
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect("home")
        return _door(request, target=request.GET.get("next", ""))
    target = request.POST.get("next", "")
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _door(request, form, target=target, status=Invalid.status)
    try:
        user = services.check_password(request, **form.cleaned_data)
    except (Invalid, Locked) as error:
        form.refuse(error)
        return _door(request, form, target=target, status=error.status)
    return door.knock(request, user, method="password", target=target)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_passkey(request: HttpRequest) -> HttpResponse:
    """A passkey alone, which checks its holder: GET gives the challenge, POST takes the answer."""
    if request.method != "POST":
        return JsonResponse(questions.door_challenge())
    target = request.POST.get("next", "")
    try:
        user, row = questions.take_at_door(request)
    except Invalid as error:
        form = SignInForm()
        return _door(request, form, target=target, status=error.status, refused=error)
    evidence = {"id": row.pk, "type": str(row.type), "passwordless": True}
    return door.knock(request, user, method="mfa", target=target, **evidence)


def _door(
    request: HttpRequest,
    form: SignInForm | None = None,
    *,
    target: str,
    status: int = 200,
    refused: DomainError | None = None,
) -> HttpResponse:
    context = {
        "form": form or SignInForm(),
        "next": target,
        "refused": refused,
        "provider": oidc.provider_name(),
    }
    return render(request, "accounts/sign_in.html", context, status=status)


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_factor(request: HttpRequest) -> HttpResponse:
    """The second question: a code of the app, a recovery code, or a passkey."""
    stage = door.waiting(request)
    if stage is None:
        return redirect("sign-in")
    user = stage.login.user
    assert isinstance(user, User)
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            row = questions.take(request, user=user, purpose="sign-in")
        except (Invalid, Locked) as error:
            refused = error
        else:
            door.shown(request, user, row)
            return stage.exit()
    form = CodeForm()
    form.fields["code"].widget.attrs["autofocus"] = True
    context = {"form": form, "offers": questions.offers(user), "refused": refused}
    status = refused.status if refused else 200
    return render(request, "accounts/second_factor.html", context, status=status)


@login_required
@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: PersonRequest) -> HttpResponse:
    """Asks somebody signed in for a factor again, or for the password, then leads back."""
    refused: DomainError | None = None
    own = OWN in request.GET
    target = request.POST.get("next") or request.GET.get("next", "")
    if request.method == "POST":
        try:
            door.confirm(request, password=request.POST.get("password"))
        except (Invalid, Locked) as error:
            refused = error
        else:
            return redirect(target if door.is_ours(request, target) else "home")
    context = {
        "password": PasswordForm() if door.takes_password(request.user) else None,
        "form": CodeForm(),
        "offers": questions.offers(request.user),
        "provider": "" if own or not door.came_by_provider(request) else oidc.provider_name(),
        "address": f"{request.path}?{OWN}=1" if own else request.path,
        "next": target,
        "refused": refused,
    }
    status = refused.status if refused else 200
    return render(request, "accounts/confirm.html", context, status=status)


@never_cache
@require_safe
def sign_in_provider(request: HttpRequest) -> HttpResponse:
    """Off to the hospital's identity provider, if there is one."""
    if not oidc.provider_name():
        raise NotFound
    confirming = request.user.is_authenticated and "confirm" in request.GET
    return oidc.start(request, target=request.GET.get("next", ""), confirming=confirming)


@never_cache
@require_safe
def sign_in_provider_callback(request: HttpRequest) -> HttpResponse:
    """Back from there, with a code for an id token."""
    if not oidc.provider_name():
        raise NotFound
    view = OAuth2CallbackView.adapter_view(oidc.Adapter(request, oidc.provider_id()))
    answer: HttpResponse = view(request)
    return answer


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choose_clinic(request: HttpRequest) -> HttpResponse:
    """In which clinic somebody works who belongs to several."""
    memberships = door.choices(request, uuid.UUID(str(request.user.pk)))
    if request.method != "POST":
        return render(request, "accounts/choose_clinic.html", {"memberships": memberships})
    wanted = request.POST.get("membership")
    chosen = next((each for each in memberships if str(each.pk) == wanted), None)
    if chosen is None:
        raise NotFound
    return door.enter(request, chosen, request.session.pop("after_choice", ""))


@require_POST
def sign_out(request: MemberRequest) -> HttpResponse:
    """End the session, whatever state it is in."""
    if request.user.is_authenticated and request.actor:
        services.record_sign_out(request.actor)
    auth.logout(request)
    return redirect("sign-in")


@require_safe
@member
def home(request: MemberRequest) -> HttpResponse:
    """Where each role begins its day."""
    return redirect(HOME[request.actor.role])
