"""Draws what forms are made of most without a template for each: a review has hundreds of them."""

from collections.abc import Callable
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString


class Drawn(DjangoTemplates):
    """Django's renderer, which draws inputs and text areas itself; the marks are the same."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        """As markup. Whatever is not known here comes from Django's template."""
        widget = context.get("widget", {})
        draw = _DRAWN.get(template_name)
        if draw is None or widget.get("wrap_label"):
            return super().render(template_name, context, request)
        return draw(widget)


def _input(widget: dict[str, Any]) -> SafeString:
    value = widget["value"]
    return format_html(
        '<input type="{}" name="{}"{}{}>',
        widget["type"],
        widget["name"],
        "" if value is None else format_html(' value="{}"', str(value)),
        flatatt(widget["attrs"]),
    )


def _textarea(widget: dict[str, Any]) -> SafeString:
    return format_html(
        '<textarea name="{}"{}>\n{}</textarea>',
        widget["name"],
        flatatt(widget["attrs"]),
        widget["value"] or "",
    )


_DRAWN: dict[str, Callable[[dict[str, Any]], SafeString]] = {
    "django/forms/widgets/date.html": _input,
    "django/forms/widgets/input.html": _input,
    "django/forms/widgets/radio_option.html": _input,
    "django/forms/widgets/text.html": _input,
    "django/forms/widgets/textarea.html": _textarea,
}
