"""What a judgement of a lesion must be to make sense: in a first reading, a second, a consensus."""

from collections.abc import Sequence
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.errors import Invalid
from reports.diagnoses import DIAGNOSES
from reports.models import Management


def check(diagnoses: Sequence[str], management: str, due: date | None) -> None:
    """Invalid (`errors` names the field) unless a doctor could have meant it.

    One to three known diagnoses (SNOMED CT), each once; a known management; a date in the future
    where one monitors, and only there.
    """
    if not 1 <= len(diagnoses) <= 3:
        raise invalid("diagnoses", _("Give one to three diagnoses, the most likely first."))
    if len(set(diagnoses)) < len(diagnoses):
        raise invalid("diagnoses", _("Give each diagnosis once."))
    if unknown := [code for code in diagnoses if code not in DIAGNOSES]:
        raise invalid(
            "diagnoses",
            _("%(code)s is not in the list of diagnoses. Choose one from it.")
            % {"code": unknown[0]},
        )
    if management not in Management.values:
        raise invalid("management", _("Say what is to be done with the lesion."))
    if management == Management.MONITOR and due is None:
        raise invalid("due", _("Say until when the lesion is to be monitored."))
    if management != Management.MONITOR and due is not None:
        raise invalid("due", _("A date goes with monitoring only."))
    if due is not None and due <= timezone.localdate():
        raise invalid("due", _("The date must lie in the future."))


def invalid(field: str, sentence: StrOrPromise) -> Invalid:
    """A refusal that names its field."""
    return Invalid(sentence, errors={field: [sentence]})
