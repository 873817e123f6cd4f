"""Forms of the patients' pages. What may be stored is decided in services.py."""

from functools import cache
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.accounts.forms import DateInput, PageForm
from dermaclinic.errors import DomainError, Invalid
from patients.body_map import REGIONS, VIEWS
from patients.body_map.places import Place
from patients.body_sites import CHOICES, PAIRED_SITES
from patients.identifiers import CHOICES as SYSTEM_CHOICES
from patients.models import Laterality, Lesion, Purpose, Sex

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


Spots = list[tuple[StrOrPromise, str | list[tuple[str, str]]]]


class SpotSelect(forms.Select):
    """A select of some hundred options, which are drawn once in a language, not at every page."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        own = flatatt(self.build_attrs(self.attrs, (attrs or {}) | {"name": name}))
        before, chosen, after = _options(get_language() or "").partition(
            format_html('value="{}"', value or "")
        )
        parts = [before, chosen, " selected" if chosen else "", after]
        # The parts are of what format_html has made: nothing of a person's is in them.
        return format_html("<select{}>{}</select>", own, SafeString("".join(parts)))


@cache
def _options(language: str) -> SafeString:
    one = '<option value="{}">{}</option>'
    return format_html_join(
        "",
        "{}",
        (
            (
                format_html(
                    '<optgroup label="{}">{}</optgroup>', key, format_html_join("", one, named)
                )
                if isinstance(named, list)
                else format_html(one, key, named),
            )
            for key, named in _spots(language)
        ),
    )


@cache
def _spots(language: str) -> Spots:
    """Every region of every view of the body map, by view; in the language that is spoken now."""
    order = list(REGIONS)
    spots: Spots = [("", gettext("not on the map"))]
    for view in VIEWS.values():
        regions = sorted(view.regions, key=order.index)
        named = [(f"{view.key}:{each}", REGIONS[each].display) for each in regions]
        spots.append((str(view.label), named))
    return spots


def _spots_now() -> Spots:
    return _spots(get_language() or "")


class LesionForm(PageForm):
    """Where a lesion is: on the body map, which says site and side by itself, or by its site.

    `spot` is a view and a region, from a list; `point` the exact place that was clicked or aimed
    at. A point that belongs to another spot is an old one: the middle of the region counts then.
    """

    spot = forms.ChoiceField(
        label=_("Place on the body map"),
        required=False,
        choices=_spots_now,
        help_text=_("Click on the map, or choose a region here."),
        widget=SpotSelect,
    )
    point = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)
    body_site = forms.ChoiceField(
        label=_("Body site"),
        required=False,
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

    @classmethod
    def of(cls, lesion: Lesion) -> "LesionForm":
        """Filled in with what is known of a lesion."""
        place = lesion.place
        return cls(
            initial={
                "spot": place.spot if place else "",
                "point": str(place) if place else "",
                "body_site": lesion.body_site,
                "laterality": lesion.laterality,
                "note": lesion.note,
            }
        )

    def clean(self) -> dict[str, Any]:
        """What the services take: `place` instead of spot and point."""
        cleaned = super().clean() or self.cleaned_data
        spot, point = cleaned.pop("spot", ""), cleaned.pop("point", "")
        cleaned["place"] = None
        if spot:
            try:
                cleaned["place"] = _place(spot, point)
            except Invalid as error:
                self.add_error("spot", str(error.detail))
        elif not cleaned.get("body_site") and not {"spot", "body_site"} & set(self.errors):
            self.add_error("body_site", _("Choose a place on the map, or a body site."))
        return cleaned

    def refuse(self, error: DomainError) -> None:
        """A service's refusal beside the fields: a place stands in the field `spot`."""
        if "place" in error.errors:
            error.errors["spot"] = error.errors.pop("place")
        super().refuse(error)


def _place(spot: str, point: str) -> Place | None:
    if point.startswith(f"{spot}:"):
        return Place.parse(point)
    view, _colon, region = spot.partition(":")
    return Place.of_region(view, region)
