"""Signing in and out, choosing a clinic, and the way home."""

import uuid

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from dermaclinic.accounts import services
from dermaclinic.accounts.forms import SignInForm
from dermaclinic.accounts.models import Membership, Role
from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.errors import Invalid, NotFound

HOME = {
    Role.TECHNICIAN.value: "patients:find",
    Role.DOCTOR.value: "reports:worklist",
    Role.ADMINISTRATOR.value: "audit:events",
}
UNDECIDED = str(uuid.UUID(int=0))  # no clinic has this id: nobody acts before they have chosen


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
        return _door(request, SignInForm(), request.GET.get("next", ""))
    target = request.POST.get("next", "")
    form = SignInForm(request.POST)
    if form.is_valid():
        try:
            membership = services.check_credentials(request, **form.cleaned_data)
        except Invalid as error:
            form.refuse(error)
        else:
            return _welcome(request, membership, target)
    return _door(request, form, target)


def _door(request: HttpRequest, form: SignInForm, target: str) -> HttpResponse:
    status = Invalid.status if form.errors else 200
    context = {"form": form, "next": target}
    return render(request, "accounts/sign_in.html", context, status=status)


def _welcome(request: HttpRequest, membership: Membership, target: str) -> HttpResponse:
    auth.login(request, membership.user, settings.AUTHENTICATION_BACKENDS[-1])
    if _memberships(membership.user_id).count() > 1:
        request.session["clinic"] = UNDECIDED
        request.session["several_clinics"] = True
        request.session["after_choice"] = target
        return redirect("choose-clinic")
    return _enter(request, membership, target)


def _enter(request: HttpRequest, membership: Membership, target: str) -> HttpResponse:
    request.session["clinic"] = str(membership.clinic_id)
    services.record_sign_in(request, membership)
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(target if safe else "home")


def _memberships(user_id: uuid.UUID) -> QuerySet[Membership]:
    active = Membership.objects.filter(user_id=user_id, is_active=True)
    return active.select_related("clinic", "user").order_by("clinic__name")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choose_clinic(request: HttpRequest) -> HttpResponse:
    """In which clinic somebody works who belongs to several."""
    memberships = _memberships(uuid.UUID(str(request.user.pk)))
    if request.method != "POST":
        return render(request, "accounts/choose_clinic.html", {"memberships": memberships})
    wanted = request.POST.get("membership")
    chosen = next((each for each in memberships if str(each.pk) == wanted), None)
    if chosen is None:
        raise NotFound
    return _enter(request, chosen, request.session.pop("after_choice", ""))


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
