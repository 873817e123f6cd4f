"""Where an invitation's link leads: a new account, or one's own account in one clinic more."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import invitations, services
from dermaclinic.accounts.caller import address_of
from dermaclinic.accounts.forms import PageForm
from dermaclinic.accounts.invitations import Place
from dermaclinic.accounts.models import User
from dermaclinic.accounts.people_forms import NewAccountForm, OwnAccountForm
from dermaclinic.accounts.web import is_own
from dermaclinic.errors import Conflict, Invalid


@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, clinic_id: uuid.UUID, token: str) -> HttpResponse:
    """Join a clinic. Nobody is signed in by it: the door asks for all that it asks for."""
    place = invitations.place(clinic_id=clinic_id, token=token)
    if request.method != "POST":
        return _page(request, place, _form(place))
    if place.user is None:
        return _as_new(request, place, token)
    return _as_known(request, place, place.user, token)


def _form(place: Place) -> PageForm:
    return OwnAccountForm() if place.user else NewAccountForm()


def _as_new(request: HttpRequest, place: Place, token: str) -> HttpResponse:
    form = NewAccountForm(request.POST)
    if not form.is_valid():
        return _page(request, place, form, Invalid.status)
    try:
        invitations.accept_as_new(
            clinic_id=place.invitation.clinic_id,
            token=token,
            full_name=form.cleaned_data["full_name"],
            password=form.cleaned_data["password"],
            address=address_of(request),
        )
    except (Invalid, Conflict) as error:
        form.refuse(error)
        return _page(request, place, form, error.status)
    messages.success(request, _("Your account is made. Sign in with your e-mail and password."))
    return redirect("sign-in")


def _as_known(request: HttpRequest, place: Place, user: User, token: str) -> HttpResponse:
    """Somebody signed in presses a button; anybody else proves with the password who they are.

    So does whom only an identity provider vouched for: it does not speak for other clinics.
    """
    signed_in = _is_oneself(request, user)
    form = OwnAccountForm(request.POST)
    try:
        if not signed_in:
            if not form.is_valid():
                return _page(request, place, form, Invalid.status)
            password = form.cleaned_data["password"]
            services.confirm_password(request, user=user, password=password)
        invitations.accept_as(
            clinic_id=place.invitation.clinic_id,
            token=token,
            user=user,
            address=address_of(request),
        )
    except (Invalid, Conflict) as error:
        form.refuse(error)
        return _page(request, place, form, error.status)
    messages.success(request, _("You have joined the clinic."))
    if not signed_in:
        return redirect("sign-in")
    request.session["several_clinics"] = True
    return redirect("choose-clinic")


def _is_oneself(request: HttpRequest, user: User) -> bool:
    return request.user.pk == user.pk and is_own(request)


def _page(request: HttpRequest, place: Place, form: PageForm, status: int = 200) -> HttpResponse:
    signed_in = request.user.is_authenticated
    context = {
        "place": place,
        "form": form,
        "oneself": place.user is not None and _is_oneself(request, place.user),
        "somebody_else": signed_in and (place.user is None or request.user.pk != place.user.pk),
    }
    return render(request, "accounts/invitation.html", context, status=status)
