"""How a model in the shadow does, beside the one that answers and what the doctors found."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic.accounts.web import MemberRequest, reading
from inference import registry
from reports.selectors import shadow


@never_cache
@reading
@require_safe
def compared(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """A model's shadow opinions against those given, in whole numbers of this clinic."""
    model = registry.find(request.actor, model_id)
    context = {
        "model": model,
        "comparisons": shadow.comparisons(request.actor, model),
        "fewest": shadow.FEWEST,
    }
    return render(request, "reports/models_compared.html", context)
