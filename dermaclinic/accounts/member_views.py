"""The administrator's pages: members, invitations and the clinic's tokens."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic.accounts import invitations, members, tokens
from dermaclinic.accounts.invitation_mail import send
from dermaclinic.accounts.models import Role
from dermaclinic.accounts.people_forms import InviteForm, RoleForm
from dermaclinic.accounts.web import MemberRequest, member, reading, reauthenticated
from dermaclinic.errors import Conflict, DomainError, Forbidden, Invalid


@require_safe
@member
def listing(request: MemberRequest) -> HttpResponse:
    """The clinic's members, and who is invited."""
    return _members(request)


@never_cache
@reading
def _members(
    request: MemberRequest,
    form: InviteForm | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {
        "members": members.of_clinic(request.actor),
        "invitations": invitations.open_ones(request.actor),
        "form": form or InviteForm(),
        "now": timezone.now(),
        **more,
    }
    return render(request, "accounts/members.html", context, status=status)


@require_POST
@member
@reauthenticated
def invite(request: MemberRequest) -> HttpResponse:
    """Invite somebody. The answer shows the link, which cannot be shown again."""
    form = InviteForm(request.POST)
    status = Invalid.status
    if form.is_valid():
        try:
            made, token = invitations.invite(actor=request.actor, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.refuse(error)
            status = error.status
        else:
            link = link_of(request, made.clinic_id, token)
            mailed = send(made, link)
            return _members(request, status=201, link=link, invited=made, mailed=mailed)
    return _members(request, form, status)


def link_of(request: HttpRequest, clinic_id: uuid.UUID, token: str) -> str:
    """The address of an invitation, to be handed over."""
    where = reverse("invitation", kwargs={"clinic_id": clinic_id, "token": token})
    return request.build_absolute_uri(where)


@require_POST
@member
def withdraw(request: MemberRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Take an invitation back."""
    return _done(
        request,
        reverse("people:members"),
        lambda: invitations.withdraw(actor=request.actor, invitation_id=invitation_id),
        _("The invitation is withdrawn: its link leads nowhere now."),
    )


@require_safe
@member
def detail(request: MemberRequest, membership_id: uuid.UUID) -> HttpResponse:
    """One member, with what can be changed."""
    return _detail(request, membership_id)


@never_cache
@reading
def _detail(
    request: MemberRequest, membership_id: uuid.UUID, form: RoleForm | None = None
) -> HttpResponse:
    found = members.member(request.actor, membership_id)
    context = {
        "member": found,
        "oneself": found.user_id == request.actor.person.pk,
        "form": form or RoleForm(initial={"role": found.role}),
    }
    status = Invalid.status if form and form.errors else 200
    return render(request, "accounts/member.html", context, status=status)


@require_POST
@member
@reauthenticated
def change_role(request: MemberRequest, membership_id: uuid.UUID) -> HttpResponse:
    """Another role."""
    return _done(
        request,
        reverse("people:member", args=[membership_id]),
        lambda: members.change_role(
            actor=request.actor,
            membership_id=membership_id,
            role=request.POST.get("role", ""),
        ),
        _("The role is changed. It holds from the member's next page on."),
    )


@require_POST
@member
@reauthenticated
def deactivate(request: MemberRequest, membership_id: uuid.UUID) -> HttpResponse:
    """No access from now on."""
    return _done(
        request,
        reverse("people:member", args=[membership_id]),
        lambda: members.deactivate(actor=request.actor, membership_id=membership_id),
        _("This member has no access to the clinic any more: sessions and tokens have ended."),
    )


@require_POST
@member
@reauthenticated
def reactivate(request: MemberRequest, membership_id: uuid.UUID) -> HttpResponse:
    """Access again."""
    return _done(
        request,
        reverse("people:member", args=[membership_id]),
        lambda: members.reactivate(actor=request.actor, membership_id=membership_id),
        _("This member may sign in again. Former tokens stay revoked."),
    )


@require_safe
@never_cache
@reading
def clinic_tokens(request: MemberRequest) -> HttpResponse:
    """All tokens of the clinic's members."""
    found = tokens.of_clinic(request.actor)
    return render(request, "accounts/clinic_tokens.html", {"tokens": found})


@require_POST
@member
def revoke_token(request: MemberRequest, token_id: uuid.UUID) -> HttpResponse:
    """End any member's token."""
    return _done(
        request,
        reverse("people:tokens"),
        lambda: tokens.revoke(actor=request.actor, token_id=token_id),
        _("The token is revoked."),
    )


def _done(
    request: MemberRequest, back: str, act: Callable[[], object], sentence: str
) -> HttpResponse:
    """Do it and go back to the page; a refusal that one can mend is told there."""
    try:
        act()
    except DomainError as error:
        # What does not exist stays a page of its own; so does what the role never may.
        own_case = isinstance(error, Forbidden) and request.actor.role == Role.ADMINISTRATOR
        if not isinstance(error, Invalid | Conflict) and not own_case:
            raise
        messages.error(request, str(error.detail))
    else:
        messages.success(request, sentence)
    return redirect(back)
