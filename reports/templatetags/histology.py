"""Who may do what with histology, for templates."""

from django import template
from django.template import Context

from dermaclinic.accounts import policies
from reports.models import Histology

register = template.Library()


@register.simple_tag(takes_context=True)
def may_compare(context: Context) -> bool:
    """May the person who looks at the page see similar cases?"""
    return policies.can(context["request"].actor, "compare", Histology)
