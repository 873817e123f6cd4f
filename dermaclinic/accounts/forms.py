"""What the pages' forms share, and the sign-in form."""

from django import forms
from django.utils.translation import gettext_lazy as _

from dermaclinic.errors import DomainError


class PageForm(forms.Form):
    """A form that can also show what a service refused. Labels carry no colon."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through untouched

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
