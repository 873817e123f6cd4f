"""The forms of the pages about members, invitations and tokens."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts import scopes, tokens
from dermaclinic.accounts.forms import PageForm
from dermaclinic.accounts.models import ApiToken, Role, Scope, User


class InviteForm(PageForm):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class RoleForm(PageForm):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class NewAccountForm(PageForm):
    full_name = forms.CharField(
        label=_("Full name"),
        max_length=User.NAME_LENGTH,
        help_text=_("As it is to stand in reports."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        help_text=_("At least 12 characters. A sentence is easier to keep than a riddle."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("The password once more"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """The same password twice."""
        cleaned = super().clean() or {}
        if cleaned.get("password") != cleaned.get("again") and not self.errors:
            self.add_error("again", _("The two passwords are not the same."))
        return cleaned


class OwnAccountForm(PageForm):
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class TokenForm(PageForm):
    """`role` decides which scopes there are to choose from."""

    name = forms.CharField(
        label=_("What it is for"),
        max_length=ApiToken.NAME_LENGTH,
        help_text=_("The camera in room 2, say. Not a secret."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), widget=forms.CheckboxSelectMultiple, choices=()
    )
    days = forms.TypedChoiceField(
        label=_("How long it lasts"),
        coerce=int,
        initial=90,
        choices=[(days, _("%(days)s days") % {"days": days}) for days in tokens.LIFETIMES],
    )

    def __init__(self, role: str, *args: Any) -> None:
        super().__init__(*args)
        choices = [(scope.value, scope.label) for scope in scopes.useful(role)]
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = choices
        field.initial = [Scope.READ.value]
