"""One's own preferences, read for every page and changed on one. No patient's data, no clinic's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts import shortcuts
from dermaclinic.accounts.models import Theme, User, UserPreference
from dermaclinic.errors import Invalid


@dataclass(frozen=True)
class Preferences:
    """How somebody likes to work. `keys` has every action; an empty key is none."""

    single_letters: bool
    keys: Mapping[str, str]
    theme: str

    @property
    def for_page(self) -> dict[str, Any]:
        """What static/js/keys.js goes by."""
        return {"single_letters": self.single_letters, "keys": dict(self.keys)}


STANDARD = Preferences(True, shortcuts.standard(), Theme.AUTO)


def of(user: User) -> Preferences:
    """A person's, or the standard ones."""
    held = UserPreference.objects.filter(user=user).first()
    if held is None:
        return STANDARD
    return Preferences(held.single_letters, shortcuts.resolved(held.keys), held.theme)


def on_request(request: HttpRequest) -> Preferences:
    """The signed-in person's, looked up when a page first asks: fragments never do."""
    user = request.user
    if not isinstance(user, User):
        return STANDARD
    return cast("Preferences", SimpleLazyObject(lambda: of(user)))


def store(*, user: User, single_letters: bool, keys: Mapping[str, str], theme: str) -> None:
    """Keep one's own preferences; only ever called with oneself.

    `keys` as in `shortcuts.checked`. Raises Invalid, its errors by action and `theme`.
    """
    if theme not in Theme.values:
        raise Invalid(_("There is no such theme."), errors={"theme": [_("Choose a theme.")]})
    UserPreference.objects.update_or_create(
        user=user,
        defaults={
            "single_letters": single_letters,
            "keys": shortcuts.checked(keys),
            "theme": theme,
        },
    )
