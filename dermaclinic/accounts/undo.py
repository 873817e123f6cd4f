"""Undo rather than "are you sure": a message that carries its way back.

    undo.offer(request, _("The visit is free for others again."), at=reverse("reports:claim", …))

The page shows it with a button that posts to `at`, by hand, by key or without scripts. The address
holds ids at most, never a name.
"""

from django.contrib import messages
from django.http import HttpRequest

_MARK = "undo:"


def offer(request: HttpRequest, sentence: str, *, at: str) -> None:
    """Tell on the next page what was done, with a button that takes it back."""
    messages.success(request, sentence, extra_tags=_MARK + at)


def address(extra_tags: str | None) -> str:
    """Where a message's way back is; empty without one."""
    tags = extra_tags or ""
    return tags.removeprefix(_MARK) if tags.startswith(_MARK) else ""
