"""The audit page's filters."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.forms import DateInput, PageForm
from dermaclinic.accounts.models import Membership
from dermaclinic.audit import groups
from dermaclinic.audit.models import Outcome

ANY = ("", _("any"))


class FilterForm(PageForm):
    """All optional; ids and codes only, so they may stand in the address."""

    patient = forms.UUIDField(required=False, widget=forms.HiddenInput)
    actor = forms.ChoiceField(label=_("Person"), required=False)
    action = forms.ChoiceField(
        label=_("Action"),
        required=False,
        choices=[ANY, *groups.choices()],
    )
    outcome = forms.ChoiceField(label=_("Outcome"), required=False, choices=[ANY, *Outcome.choices])
    purpose = forms.ChoiceField(
        label=_("Purpose"), required=False, choices=[ANY, *groups.PURPOSES.items()]
    )
    since = forms.DateField(label=_("From"), required=False, widget=DateInput)
    until = forms.DateField(label=_("To"), required=False, widget=DateInput)
    thumbnails = forms.BooleanField(label=_("Thumbnails, too"), required=False)

    def __init__(self, *args: Any, members: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(str(each.user_id), each.user.full_name) for each in members]
        actor = self.fields["actor"]
        assert isinstance(actor, forms.ChoiceField)
        actor.choices = [ANY, *people]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one."))
        return cleaned
