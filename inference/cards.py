"""A package's card (Markdown) as safe HTML: no raw HTML, no images, only harmless links."""

from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

BELOW = 2  # a card's first heading stands below the page's title and the section's


class _Renderer(RendererHTML):
    """Tables scroll on their own on a narrow page, and can be scrolled with the keyboard."""

    def table_open(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        env["tables"] = env.get("tables", 0) + 1
        label = _("Table %(number)d of the card") % {"number": env["tables"]}
        return format_html(
            '<div class="table-wrap" tabindex="0" role="region" aria-label="{}">'
            '<table class="table">',
            label,
        )

    def table_close(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return "</table></div>"


_PARSER = (
    MarkdownIt("commonmark", {"html": False, "typographer": False}, renderer_cls=_Renderer)
    .enable("table")
    .disable("image")
)


def html(card: str) -> SafeString:
    """The card as HTML whose headings fit below an h2. What is written in HTML stays text."""
    env: dict[str, Any] = {}
    tokens = _PARSER.parse(card, env)
    for index, token in enumerate(tokens):
        if token.type == "th_open" and not tokens[index + 1].content:
            token.tag = tokens[index + 2].tag = "td"  # a header that says nothing is none
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + BELOW, 6)}"
    return SafeString(_PARSER.renderer.render(tokens, _PARSER.options, env))
