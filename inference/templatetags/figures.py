"""Figures of a model in words and digits."""

from django import template
from django.utils.formats import number_format

from inference import figures
from inference.models import ModelVersion

register = template.Library()

SHOWN = 2  # headlines of a model in the list


@register.filter
def digits(value: float, after: int | str = 3) -> str:
    """A number with so many digits after the point."""
    return number_format(value, 3 if after == "" else int(after), use_l10n=True)


@register.simple_tag
def main_figures(model: ModelVersion) -> list[figures.Headline]:
    """The first figures of a model, with their intervals."""
    return figures.headlines(figures.of(model))[:SHOWN]


@register.filter
def plain(value: float) -> str:
    """A coordinate of a drawing: with a point, whatever the reader's language."""
    return f"{value:.1f}"
