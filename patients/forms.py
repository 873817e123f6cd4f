"""Forms of the patients' pages. What may be stored is decided in services.py."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.forms import DateInput, PageForm
from patients.body_sites import CHOICES, PAIRED_SITES
from patients.identifiers import CHOICES as SYSTEM_CHOICES
from patients.models import Laterality, Purpose, Sex

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
CHOOSE = ("", _("Choose…"))


class SearchForm(PageForm):
    q = forms.CharField(label=_("Find a patient"), max_length=200, required=False, strip=True)


class PatientForm(PageForm):
    """Who somebody is, and how to reach them."""

    family_name = forms.CharField(
        label=_("Family name"), max_length=100, widget=forms.TextInput(PLAIN)
    )
    given_name = forms.CharField(
        label=_("Given name"), max_length=100, widget=forms.TextInput(PLAIN)
    )
    birth_date = forms.DateField(label=_("Birth date"), widget=DateInput)
    sex = forms.ChoiceField(label=_("Sex"), choices=[CHOOSE, *Sex.choices])
    mrn = forms.CharField(
        label=_("Medical record number (MRN)"), max_length=40, widget=forms.TextInput(PLAIN)
    )

    # How to reach them. What is left out is stored as not known.
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(PLAIN | {"inputmode": "tel"}),
    )
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        required=False,
        widget=forms.TextInput(PLAIN | {"inputmode": "email"}),
    )
    address = forms.CharField(
        label=_("Postal address"),
        max_length=500,
        required=False,
        widget=forms.Textarea(PLAIN | {"rows": 3}),
    )
    identifier_system = forms.ChoiceField(
        label=_("Kind of identifier"),
        choices=[("", _("none")), *SYSTEM_CHOICES],
        required=False,
    )
    identifier = forms.CharField(
        label=_("National identifier"),
        max_length=40,
        required=False,
        widget=forms.TextInput(PLAIN),
    )


class PatientChangeForm(PatientForm):
    """`version` is the one that the person saw."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class ConsentForm(PageForm):
    """A yes or no for each purpose; what is left open stays as it was."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for purpose, label in Purpose.choices:
            self.fields[purpose] = forms.ChoiceField(
                label=label,
                required=False,
                choices=[("yes", _("Yes")), ("no", _("No"))],
                widget=forms.RadioSelect,
            )

    @property
    def decisions(self) -> dict[str, bool]:
        """What was said, by purpose."""
        return {name: value == "yes" for name, value in self.cleaned_data.items() if value}


class LesionForm(PageForm):
    """Where a lesion is. The side is asked for only where the body has two."""

    body_site = forms.ChoiceField(
        label=_("Body site"),
        choices=[CHOOSE, *CHOICES],
        widget=forms.Select({"data-paired": " ".join(PAIRED_SITES)}),
    )
    laterality = forms.ChoiceField(
        label=_("Side"),
        required=False,
        choices=[("", _("not said")), *Laterality.choices],
        widget=forms.Select,
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=500,
        help_text=_("For example: two finger breadths below the left shoulder blade."),
        widget=forms.TextInput(PLAIN),
    )
