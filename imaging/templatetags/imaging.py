"""What pages of other rooms show of visits and images."""

from typing import Any

from django import template
from django.template.context import Context

from dermaclinic.accounts.web import MemberRequest
from imaging import quality, selectors
from imaging.models import Instance, Study
from patients.models import Lesion, Patient

register = template.Library()


@register.inclusion_tag("imaging/_timeline.html", takes_context=True)
def timeline(context: Context, patient: Patient, lesions: list[Lesion]) -> dict[str, Any]:
    """Lesions down, visits across (newest first), and the images where they meet.

    Images that nobody has assigned to a lesion make the last row.
    """
    request: MemberRequest = context["request"]
    visits = selectors.visits(request.actor, patient.pk)
    rows = [(lesion, [(visit, _of(visit, lesion.pk)) for visit in visits]) for lesion in lesions]
    unassigned = [(visit, _of(visit, None)) for visit in visits]
    return {
        "patient": patient,
        "visits": visits,
        "rows": rows,
        "unassigned": unassigned if any(images for _visit, images in unassigned) else [],
    }


def _of(visit: Study, lesion_id: Any) -> list[Instance]:
    return [image for image in visit.instances.all() if image.lesion_id == lesion_id]


@register.inclusion_tag("imaging/_latest.html", takes_context=True)
def latest_visits(context: Context) -> dict[str, Any]:
    """The clinic's newest visits."""
    request: MemberRequest = context["request"]
    return {"studies": selectors.latest_visits(actor=request.actor)}


@register.filter
def quality_sentences(instance: Instance) -> list[str]:
    """What is wrong with an image's quality, and what to do about it."""
    return [quality.sentence(reason) for reason in instance.quality.get("reasons", [])]
