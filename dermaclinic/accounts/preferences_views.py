"""The page of one's own preferences: theme, single keys, which key does what."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import preferences, shortcuts
from dermaclinic.accounts.forms import PageForm
from dermaclinic.accounts.models import Theme
from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.errors import DomainError, Invalid

REFUSED = 422  # the page again, with what was entered
KEY = "key-"  # before an action, in the form


class PreferencesForm(PageForm):
    theme = forms.ChoiceField(
        label=gettext_lazy("Theme"), choices=Theme.choices, widget=forms.RadioSelect
    )
    single_letters = forms.BooleanField(
        label=gettext_lazy("Single keys do something on the pages"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for action, shortcut in shortcuts.SHORTCUTS.items():
            self.fields[KEY + action] = forms.CharField(
                label=shortcut.label,
                required=False,
                strip=False,
                max_length=3,
                widget=forms.TextInput(
                    attrs={
                        "autocomplete": "off",
                        "autocapitalize": "none",
                        "spellcheck": "false",
                        "class": "key-field",
                    }
                ),
            )

    @property
    def rooms(self) -> list[tuple[Any, list[tuple[forms.BoundField, str]]]]:
        """The keys' fields, each with its standard key, by where they are used."""
        return [
            (room, [(self[KEY + each.action], each.key) for each in found])
            for room, found in shortcuts.ROOMS
        ]

    @property
    def keys(self) -> dict[str, str]:
        """What was entered, by action."""
        return {action: self.cleaned_data[KEY + action] for action in shortcuts.SHORTCUTS}

    def refuse(self, error: DomainError) -> None:
        """The keys' errors come by action."""
        error.errors = {
            KEY + name if name in shortcuts.SHORTCUTS else name: sentences
            for name, sentences in error.errors.items()
        }
        super().refuse(error)


@member
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_preferences(request: MemberRequest) -> HttpResponse:
    """Everybody's own; whoever signs in elsewhere finds them there, too."""
    person = request.actor.person
    if request.method != "POST":
        return _page(request, PreferencesForm(initial=_initial(preferences.of(person))))
    if "standard" in request.POST:
        held = preferences.of(person)
        preferences.store(
            user=person,
            single_letters=held.single_letters,
            keys=shortcuts.standard(),
            theme=held.theme,
        )
        messages.success(request, _("Every key is the standard one again."))
        return redirect("account:preferences")
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _page(request, form, REFUSED)
    try:
        preferences.store(
            user=person,
            single_letters=form.cleaned_data["single_letters"],
            keys=form.keys,
            theme=form.cleaned_data["theme"],
        )
    except Invalid as error:
        form.refuse(error)
        return _page(request, form, REFUSED)
    messages.success(request, _("Your preferences are stored."))
    return redirect("account:preferences")


def _initial(held: preferences.Preferences) -> dict[str, Any]:
    keys = {KEY + action: key for action, key in held.keys.items()}
    return {"theme": held.theme, "single_letters": held.single_letters, **keys}


def _page(request: MemberRequest, form: PreferencesForm, status: int = 200) -> HttpResponse:
    return render(request, "accounts/preferences.html", {"form": form}, status=status)
