"""Forms of the doctor's pages. What may be stored is decided in services/."""

from datetime import date
from functools import cache
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy as _

from dermaclinic.accounts.forms import DateInput, PageForm
from dermaclinic.errors import DomainError
from inference.network.classes import CLASSES
from reports.diagnoses import DIAGNOSES
from reports.models import Algorithm, Assessment, Histology, Management, TwoStep

RANKS = ("diagnosis_1", "diagnosis_2", "diagnosis_3")
COMMON = {row.code for row in CLASSES}
LONGEST = 4000  # characters of a text


def diagnosis_choices() -> list[Any]:
    """All diagnoses in two groups: those of the network's classes first, then by name."""
    return _choices_in(get_language())


@cache
def _choices_in(_language: str | None) -> list[Any]:
    """In the words of one language, which is the one in use."""
    by_name = sorted(
        DIAGNOSES.values(), key=lambda each: (each.code not in COMMON, str(each.display).lower())
    )
    groups = {str(_("Malignant")): True, str(_("Benign and other")): False}
    return [
        ("", str(_("Choose…"))),
        *(
            (
                label,
                [(each.code, str(each.display)) for each in by_name if each.malignant is malignant],
            )
            for label, malignant in groups.items()
        ),
    ]


class Radios(forms.RadioSelect):
    """Radio buttons whose error summary leads to the first of them."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return f"{id_}_{index or 0}"


class Select(forms.Select):
    """Django's, drawn without two templates an option: a review has a thousand of them."""

    def _render(
        self, template_name: str, context: dict[str, Any], renderer: Any = None
    ) -> SafeString:
        widget = context["widget"]
        groups = [
            format_html('<optgroup label="{}">{}</optgroup>', name, _options(options))
            if name
            else _options(options)
            for name, options, _index in widget["optgroups"]
        ]
        begins = format_html('<select name="{}"{}>', widget["name"], flatatt(widget["attrs"]))
        return format_html(
            "{}{}</select>", begins, format_html_join("", "{}", ((each,) for each in groups))
        )


def _options(options: list[dict[str, Any]]) -> SafeString:
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((str(each["value"]), flatatt(each["attrs"]), each["label"]) for each in options),
    )


class DiagnosisSelect(Select):
    """All diagnoses. Their list is drawn once in each language: a review has it a dozen times."""

    def use_required_attribute(self, initial: Any) -> bool:
        """As for every select whose first option is empty."""
        return not self.is_hidden

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The list with the option chosen that has the value, if one does."""
        option = format_html('<option value="{}"', "" if value is None else value)
        drawn = _drawn_in(get_language()).replace(f"{option}>", f"{option} selected>", 1)
        begins = format_html(
            '<select name="{}"{}>', name, flatatt(self.build_attrs(self.attrs, attrs))
        )
        return mark_safe(f"{begins}{drawn}</select>")  # noqa: S308 - both parts are escaped


@cache
def _drawn_in(language: str | None) -> SafeString:
    """The options in the words of one language, which is the one in use; none is chosen."""
    widget = forms.Select(choices=_choices_in(language))
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<optgroup label="{}">{}</optgroup>', name, _options(options)),)
            if name
            else (_options(options),)
            for name, options, _index in widget.optgroups("", [])
        ),
    )


class DiagnosisField(forms.ChoiceField):
    """One of the list; searched by typing where there is JavaScript.

    `key_label` is what the key is called that leads to it.
    """

    def __init__(self, *, key_label: Any = "", **kwargs: Any) -> None:
        attributes: dict[str, Any] = {"data-combobox": ""}
        if key_label:
            attributes |= {"data-key": "diagnosis", "data-key-label": key_label}
        super().__init__(choices=diagnosis_choices, widget=DiagnosisSelect(attributes), **kwargs)


def _text(label: Any, *, rows: int, help_text: Any = "") -> forms.CharField:
    widget = forms.Textarea({"rows": rows, "autocomplete": "off"})
    return forms.CharField(
        label=label, help_text=help_text, required=False, max_length=LONGEST, widget=widget
    )


class AssessmentForm(PageForm):
    """A doctor's own judgement of a lesion. The date counts only where one monitors."""

    diagnosis_1 = DiagnosisField(
        label=_("Most likely diagnosis"),
        key_label=_("To the diagnosis"),
        error_messages={"required": _("Give one to three diagnoses, the most likely first.")},
    )
    diagnosis_2 = DiagnosisField(label=_("Second, if any"), required=False)
    diagnosis_3 = DiagnosisField(label=_("Third, if any"), required=False)
    management = forms.ChoiceField(
        label=_("What is to be done"),
        choices=Management.choices,
        widget=Radios,
        error_messages={"required": _("Say what is to be done with the lesion.")},
    )
    due = forms.DateField(label=_("Next image until"), required=False, widget=DateInput)
    reason = _text(
        _("Reason for departing from the opinion"),
        rows=2,
        help_text=_("Needed when your first diagnosis is not among the opinion's first three."),
    )
    two_step = forms.ChoiceField(
        label=_("First step"),
        required=False,
        choices=[("", _("left open")), *TwoStep.choices],
        widget=Select,
    )
    algorithm = forms.ChoiceField(
        label=_("Second step by"),
        required=False,
        choices=[("", _("left open")), *Algorithm.choices],
        widget=Select,
    )
    description = _text(
        _("Description in standard terms"),
        rows=3,
        help_text=_("For example: atypical network, peripheral; blue-white veil, centre."),
    )
    comment = _text(_("Comment for the report"), rows=2)

    @classmethod
    def for_lesion(
        cls, number: int, data: Any = None, *, former: Assessment | None = None
    ) -> "AssessmentForm":
        """The form on a lesion's card, with ids of its own; filled in with what was said before."""
        return cls(data, auto_id=f"lesion-{number}-%s", initial=_said(former) if former else None)

    def refuse(self, error: DomainError) -> None:
        """The service speaks of `diagnoses`, the form has one field for each."""
        errors = dict(error.errors)
        if "diagnoses" in errors:
            errors[RANKS[0]] = errors.pop("diagnoses")
        super().refuse(type(error)(error.detail, errors=errors))

    @property
    def answers(self) -> dict[str, Any]:
        """What `record_assessment` takes."""
        given = dict(self.cleaned_data)
        ranked = [given.pop(name) for name in RANKS]
        due: date | None = given.pop("due")
        monitors = given["management"] == Management.MONITOR
        return given | {
            "diagnoses": [code for code in ranked if code],
            "due": due if monitors else None,
        }

    @property
    def details_open(self) -> bool:
        """Does the optional part hold anything?"""
        return any(
            self[name].value() for name in ("two_step", "algorithm", "description", "comment")
        )


def _said(former: Assessment) -> dict[str, Any]:
    names = ("management", "due", "reason", "two_step", "algorithm", "description", "comment")
    said = {name: getattr(former, name) for name in names}
    return said | dict(zip(RANKS, former.diagnoses, strict=False))


class KeepForm(PageForm):
    """Why a first impression holds although the opinion differs from it."""

    reason = forms.CharField(
        label=_("Why your diagnosis holds"),
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 2, "autocomplete": "off"}),
        error_messages={"required": _("Your diagnosis departs from the opinion. Please say why.")},
    )

    @classmethod
    def for_lesion(cls, number: int, data: Any = None) -> "KeepForm":
        """The form on a lesion's card, with ids of its own."""
        return cls(data, auto_id=f"keep-{number}-%s")


class HistologyForm(PageForm):
    """The pathologist's result; where there is one, its correction."""

    diagnosis = DiagnosisField(label=_("Diagnosis by histology"), required=False)
    reported_on = forms.DateField(label=_("Day of the pathologist's report"), widget=DateInput)
    reason = _text(_("Why the result on record no longer holds"), rows=2)
    take_back = forms.BooleanField(
        label=_("Take the result back: the lesion has none"), required=False
    )

    def __init__(self, *args: Any, former: Histology | None = None, **kwargs: Any) -> None:
        if former is not None:
            said = {"diagnosis": former.diagnosis, "reported_on": former.reported_on}
            kwargs["initial"] = said | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        if former is None:
            del self.fields["reason"]
        if former is None or not former.diagnosis:
            del self.fields["take_back"]

    def clean(self) -> dict[str, Any]:
        """Nothing is taken back by leaving a field empty."""
        given = super().clean() or {}
        taken_back = given.pop("take_back", False)
        if taken_back:
            given["diagnosis"] = ""
        elif not given.get("diagnosis"):
            self.add_error("diagnosis", _("Choose the diagnosis that the pathologist gave."))
        return given


class SignForm(PageForm):
    """The password once more. It is never sent back to the page."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": _("Enter your password to sign.")},
    )
