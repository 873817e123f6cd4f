"""From a patient to their entries in the audit, for those who read the audit but no records."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.audit.models import Event
from patients.forms import SearchForm
from patients.merging import records
from patients.models import Patient
from patients.selectors import fitting, kinds

LIMIT = 10
SHORTEST = 2  # characters; less would name half of the clinic


def subjects(*, actor: Actor, q: str) -> list[Patient]:
    """Whom `q` may mean: the one with this record number, else up to LIMIT who fit every word.

    For a record that was merged, the one that stands for it. Only who they are, nothing of their
    record. Writes an event with the ids shown; what was typed is not kept. Raises Forbidden.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "view", Event)
        patients = Patient.objects.filter(clinic_id=actor.clinic_id)
        found, fields = list(patients.filter(mrn=q)), ["mrn"]
        if not found and len(q) >= SHORTEST:
            found, fields = list(fitting(patients, q)[:LIMIT]), kinds(q)
        found = records.standing(found)
        audit.searched_patients(actor, shown=[each.pk for each in found], fields=fields)
    return found


@never_cache
@member
@require_POST
def lookup(request: MemberRequest) -> HttpResponse:
    """Straight to the entries of a record number; of several who fit, the person chooses one."""
    policies.require(request.actor, "view", Event)
    form = SearchForm(request.POST)
    q = form.cleaned_data["q"] if form.is_valid() else ""
    found = subjects(actor=request.actor, q=q) if q else []
    if not found:
        messages.warning(request, _("No patient of this clinic fits. Check the spelling."))
        return redirect("audit:events")
    if len(found) == 1 and found[0].mrn == q:
        return redirect(f"{reverse('audit:events')}?patient={found[0].pk}")
    return render(request, "patients/audit_lookup.html", {"found": found, "limit": LIMIT})
