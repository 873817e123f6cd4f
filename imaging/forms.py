"""Forms of the imaging pages."""

import uuid

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.forms import PageForm
from dermaclinic.errors import Invalid


def uuid_or_none(text: str | None) -> uuid.UUID | None:
    """A UUID from a form's field; None when it was left empty, Invalid for anything else."""
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid(_("The request was not understood. Reload the page and try again.")) from None


class StartForm(PageForm):
    acquired_at = forms.DateTimeField(label=_("Date and time"), required=False)


class ReasonForm(PageForm):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        help_text=_("It stays on record."),
        widget=forms.Textarea({"rows": 2}),
    )


class MoveForm(ReasonForm):
    study = forms.UUIDField(
        label=_("Visit"), error_messages={"required": _("Choose the visit it belongs to.")}
    )


class AcceptForm(ReasonForm):
    """Two identifiers, typed from what the person at the desk has in hand."""

    mrn = forms.CharField(label=_("Medical record number (MRN)"), required=False, max_length=40)
    birth_date = forms.DateField(
        label=_("Birth date"), required=False, widget=forms.DateInput({"type": "date"})
    )
    family_name = forms.CharField(label=_("Family name"), required=False, max_length=100)
    field_order = ("mrn", "birth_date", "family_name", "reason")
    IDENTIFIERS = ("mrn", "birth_date", "family_name")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for name in self.IDENTIFIERS:
            self.fields[name].widget.attrs["autocomplete"] = "off"

    @property
    def identifiers(self) -> dict[str, str]:
        """What was typed, by field."""
        return {
            name: str(value) for name in self.IDENTIFIERS if (value := self.cleaned_data.get(name))
        }

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if not self.errors and len(self.identifiers) < 2:
            raise ValidationError(_("Type at least two identifiers."))
        return cleaned
