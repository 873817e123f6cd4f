"""Every address of the product, from Django's own resolver."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


def addresses() -> dict[str, Any]:
    """Each route, as it is written in the lists of addresses, and the view behind it."""
    return dict(_under(get_resolver(), ""))


def _under(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route, entry.callback
        else:
            yield from _under(entry, route)


def methods_of(view: Any) -> set[str]:
    """The methods that a class of views has code for; empty for a function."""
    made = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if made is None:
        return set()
    names = ("get", "post", "put", "patch", "delete")
    return {name.upper() for name in names if hasattr(made, name)}
