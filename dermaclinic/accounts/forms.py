"""What the pages' forms share, and the sign-in form."""

from typing import Any

from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.drawing import Drawn
from dermaclinic.errors import DomainError


class PageForm(forms.Form):
    """A form that can also show what a service refused. Labels carry no colon."""

    default_renderer: type[DjangoTemplates] = Drawn

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def refuse(self, error: DomainError) -> None:
        """Put a refusal's sentences beside their fields, or above the form."""
        placed = False
        for field, sentences in error.errors.items():
            if field in self.fields:
                self.add_error(field, [str(sentence) for sentence in sentences])
                placed = True
        if not placed:
            self.add_error(None, str(error.detail))


class DateInput(forms.DateInput):
    """The browser's own date field."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off"}, format="%Y-%m-%d")


class SignInForm(PageForm):
    email = forms.EmailField(
        label=_("E-mail"),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(PageForm):
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("The six digits of your app, or a recovery code."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "text", "spellcheck": "false"}
        ),
    )


class AppCodeForm(CodeForm):
    """To enrol an app: a recovery code would prove nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = _("The six digits that the app shows now.")
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class PasswordForm(PageForm):
    password = forms.CharField(
        label=_("Your password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasskeyForm(PageForm):
    """What the browser's authenticator answered, as JSON."""

    credential = forms.JSONField(widget=forms.HiddenInput)

    def clean_credential(self) -> dict[str, object]:
        answer = self.cleaned_data["credential"]
        if not isinstance(answer, dict):
            raise forms.ValidationError(_("This passkey could not be read. Please try again."))
        return answer


class NewPasskeyForm(PasskeyForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("How you recognise it: “Office computer”, “Blue key”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class NewPasswordForm(PageForm):
    password = forms.CharField(
        label=_("New password"),
        max_length=1000,
        strip=False,
        help_text=_("At least 12 characters; a few words in a row are easy to keep in mind."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
