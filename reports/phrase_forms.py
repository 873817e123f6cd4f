"""The form of a phrase. What may be stored is decided in services/phrases.py."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.forms import PageForm
from reports.forms import RANKS, DiagnosisField, Radios
from reports.models import Management, Phrase


class PhraseForm(PageForm):
    """An abbreviation and what it fills in. The months count only where one monitors."""

    abbreviation = forms.CharField(
        label=_("Abbreviation"),
        max_length=12,
        help_text=_("One to twelve letters and digits, as one would type them: sk, bcc, dn3."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    diagnosis_1 = DiagnosisField(
        label=_("Most likely diagnosis"), error_messages={"required": _("Choose a diagnosis.")}
    )
    diagnosis_2 = DiagnosisField(label=_("Second, if any"), required=False)
    diagnosis_3 = DiagnosisField(label=_("Third, if any"), required=False)
    management = forms.ChoiceField(
        label=_("What is to be done"),
        choices=Management.choices,
        widget=Radios,
        error_messages={"required": _("Say what is to be done with the lesion.")},
    )
    months = forms.IntegerField(
        label=_("Months until the next image"),
        required=False,
        min_value=1,
        max_value=60,
        help_text=_("For monitoring alone."),
    )
    sentence = forms.CharField(
        label=_("The report's sentence"),
        required=False,
        max_length=500,
        widget=forms.Textarea({"rows": 2, "autocomplete": "off"}),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    @classmethod
    def of(cls, phrase: Phrase) -> "PhraseForm":
        """Filled in with what the phrase is now."""
        names = ("abbreviation", "management", "months", "sentence", "version")
        said = {name: getattr(phrase, name) for name in names}
        return cls(initial=said | dict(zip(RANKS, phrase.diagnoses, strict=False)))

    def refuse(self, error: Any) -> None:
        """The service speaks of `diagnoses`, the form has one field for each."""
        errors = dict(error.errors)
        if "diagnoses" in errors:
            errors[RANKS[0]] = errors.pop("diagnoses")
        super().refuse(type(error)(error.detail, errors=errors))

    @property
    def answers(self) -> dict[str, Any]:
        """What the services take."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        ranked = [given.pop(name) for name in RANKS]
        return given | {"diagnoses": [code for code in ranked if code]}
