"""What pages of reports say of second readings that are not over."""

from django import template
from django.template.context import Context

from reports.models import Report
from reports.second_reading import selectors
from reports.second_reading.selectors import OpenReading

register = template.Library()


@register.simple_tag(name="open_readings", takes_context=True)
def open_readings_of(context: Context, report: Report) -> list[OpenReading]:
    """The lesions of a report whose second reading is not over.

    A page of several reports asks once for all and puts the answer into its context, as
    `open_readings` (second_reading.selectors.open_readings); else this asks for the one.
    """
    known = context.get("open_readings")
    if known is None:
        known = selectors.open_readings(context["actor"], [report.pk])
    found: list[OpenReading] = known.get(report.pk, [])
    return found
