"""Forms of the second reader and of a consensus. What may be stored is decided in the services."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from reports.diagnoses import DIAGNOSES
from reports.forms import LONGEST, RANKS, AssessmentForm
from reports.models import ConsensusProposal, Management, SecondReading

ANSWERS = ("management", "due")


class SecondReadingForm(AssessmentForm):
    """Diagnoses, what is to be done, and a comment: nothing that needs the opinion."""

    reason = None  # type: ignore[assignment]  # there is nothing in sight to depart from
    two_step = None  # type: ignore[assignment]
    algorithm = None  # type: ignore[assignment]
    description = None  # type: ignore[assignment]
    comment = forms.CharField(
        label=_("Comment for the first reader"),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 2, "autocomplete": "off"}),
    )

    @property
    def typed(self) -> list[tuple[str, str]]:
        """What was chosen, in words, where the form itself is not shown any more: (label, words).

        The comment is not among it.
        """
        said = {name: str(self[name].value() or "") for name in (*RANKS, *ANSWERS)}
        words = {code: str(each.display) for code, each in DIAGNOSES.items()}
        words |= {each.value: str(each.label) for each in Management}
        return [
            (str(self[name].label), words.get(each, each)) for name, each in said.items() if each
        ]


class ProposalForm(AssessmentForm):
    """What both doctors could sign, and why."""

    two_step = None  # type: ignore[assignment]
    algorithm = None  # type: ignore[assignment]
    description = None  # type: ignore[assignment]
    comment = None  # type: ignore[assignment]
    reason = forms.CharField(
        label=_("Why"),
        help_text=_("The other doctor reads it, and it stands with the assessment."),
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 3, "autocomplete": "off"}),
        error_messages={"required": _("Say why; the other doctor reads it.")},
    )

    @classmethod
    def beginning_with(
        cls, said: ConsensusProposal | SecondReading, data: Any = None
    ) -> "ProposalForm":
        """Filled in with what somebody has said already."""
        initial = {name: getattr(said, name) for name in ANSWERS}
        for rank, code in enumerate(said.diagnoses, start=1):
            initial[f"diagnosis_{rank}"] = code
        return cls(data, initial=initial)
