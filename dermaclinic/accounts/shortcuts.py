"""What a key can do on the pages, and the keys that each person has chosen for it.

The actions are what elements name in `data-key`; static/js/keys.js acts on them. A key is one
printable character, or two that are typed one after the other ("g w"); letters count in lower case.
Arrow keys and Enter are no characters (WCAG 2.1.4) and always work.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.errors import Invalid

# Space presses buttons and scrolls; the apostrophe opens the search of some browsers.
RESERVED = frozenset(" '")


@dataclass(frozen=True)
class Shortcut:
    """An action, the key it has unless somebody chooses another, and where it is used."""

    action: str
    key: str
    label: StrOrPromise


ROOMS: tuple[tuple[StrOrPromise, tuple[Shortcut, ...]], ...] = (
    (
        _("Everywhere"),
        (
            Shortcut("help", "?", _("Show the keys of the page")),
            Shortcut("search", "/", _("Search")),
            Shortcut("undo", "u", _("Undo")),
            Shortcut("go-worklist", "g w", _("Go to the worklist")),
            Shortcut("go-patients", "g p", _("Go to the patients")),
            Shortcut("go-capture", "g c", _("Go to photographing")),
            Shortcut("sign", "s", _("Go to signing")),
        ),
    ),
    (
        _("In lists"),
        (
            Shortcut("next-item", "j", _("Next row, next lesion")),
            Shortcut("previous-item", "k", _("Previous row, previous lesion")),
            Shortcut("open", "o", _("Open")),
            Shortcut("claim", "c", _("Claim")),
            Shortcut("release", "r", _("Release")),
            Shortcut("news", ".", _("Show what is new")),
        ),
    ),
    (
        _("Reading a visit"),
        (
            Shortcut("phrase", "p", _("Type a phrase")),
            Shortcut("diagnosis", "d", _("To the diagnosis")),
            Shortcut("report", "e", _("To the report")),
            Shortcut("next", "n", _("Next visit, next patient")),
        ),
    ),
    (
        _("Images"),
        (
            Shortcut("heat", "h", _("Heat map")),
            Shortcut("outline", "t", _("Outline of the lesion")),
            Shortcut("native", "1", _("Every pixel of the image")),
            Shortcut("ruler", "m", _("Ruler")),
            Shortcut("compare", "v", _("Compare with an earlier image")),
            Shortcut("swap-images", "x", _("Show the other image")),
            Shortcut("align", "a", _("Align the images")),
        ),
    ),
)
SHORTCUTS = {each.action: each for _room, shortcuts in ROOMS for each in shortcuts}


def standard() -> dict[str, str]:
    """The keys of somebody who has chosen none, by action."""
    return {each.action: each.key for each in SHORTCUTS.values()}


def resolved(stored: Mapping[str, str]) -> dict[str, str]:
    """The keys that hold, by action: those stored, and for newer actions the standard ones.

    A newer action whose standard key is taken has none until it is given one.
    """
    held = {action: key for action, key in stored.items() if action in SHORTCUTS}
    for action, key in standard().items():
        if action not in held:
            held[action] = key if _clash(key, held.values()) is None else ""
    return held


def checked(wanted: Mapping[str, str]) -> dict[str, str]:
    """The wanted keys by action as they are stored; an empty one switches the action's key off.

    Raises Invalid, its errors by action: unknown, no single characters, reserved, or twice.
    """
    errors: dict[str, list[StrOrPromise]] = {}
    kept: dict[str, str] = {}
    for action, text in wanted.items():
        key = text if text == " " else " ".join(filter(None, text.lower().split(" ")))
        if action not in SHORTCUTS:
            raise Invalid(_("There is no such action."))
        if (fault := _fault(key)) is not None:
            errors[action] = [fault]
        elif (other := _clash(key, kept.values())) is not None:
            taken = next(each for each, held in kept.items() if held == other)
            errors[action] = [
                _("%(key)s is the key of “%(other)s” already.")
                % {"key": other, "other": SHORTCUTS[taken].label}
            ]
        else:
            kept[action] = key
    if errors:
        raise Invalid(_("Some keys cannot be used so."), errors=errors)
    return kept


def _fault(key: str) -> StrOrPromise | None:
    parts = key.split(" ") if key.strip() else [key] if key else []
    if any(part in RESERVED for part in parts):
        return _("This key has a meaning of its own in browsers.")
    if len(parts) > 2 or any(len(part) != 1 or not part.isprintable() for part in parts):
        return _("Give one character, or two with a space between them.")
    return None


def _clash(key: str, others: Iterable[str]) -> str | None:
    """The other key that could not be told from this one: the same, or the start of it."""
    for other in others:
        if not key or not other:
            continue
        if key == other or (key[0] == other[0] and (len(key) == 1 or len(other) == 1)):
            return other
    return None
