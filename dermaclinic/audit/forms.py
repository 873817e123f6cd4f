"""The audit page's filters."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.forms import DateInput, PageForm
from dermaclinic.accounts.models import Membership
from dermaclinic.audit import groups
from dermaclinic.audit.models import Outcome

ANY = ("", _("any"))


class SpanForm(PageForm):
    """From a day to a day, both included."""

    since = forms.DateField(label=_("From"), required=False, widget=DateInput)
    until = forms.DateField(label=_("To"), required=False, widget=DateInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one."))
        return cleaned


class ReviewForm(PageForm):
    """What somebody found out about an access that stood out."""

    token = forms.CharField(widget=forms.HiddenInput, max_length=2000)
    note = forms.CharField(
        label=_("What did you find out?"),
        max_length=1000,
        widget=forms.Textarea({"rows": 2, "autocomplete": "off"}),
    )


class FilterForm(SpanForm):
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
    thumbnails = forms.BooleanField(label=_("Thumbnails, too"), required=False)

    def __init__(self, *args: Any, members: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(str(each.user_id), each.user.full_name) for each in members]
        actor = self.fields["actor"]
        assert isinstance(actor, forms.ChoiceField)
        actor.choices = [ANY, *people]
