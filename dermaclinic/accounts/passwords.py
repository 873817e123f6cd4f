"""Passwords: what is too easy to guess, and changing one's own.

The list is the one that Django ships: the 20,000 most frequent passwords of public breaches. Most
are shorter than twelve characters, so a password is also measured by what is left of it once its
decoration is taken off: capitals, digits for letters, and what stands before and after.
"""

import re
from typing import Any

from django.contrib.auth import password_validation
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _, gettext_lazy
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import sessions, tokens
from dermaclinic.accounts.models import User
from dermaclinic.accounts.people import actor_for, memberships_of
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid

_LOOKALIKES = str.maketrans("013457@$!|", "oleastasil")
_EDGES = re.compile(r"^[^a-z]+|[^a-z]+$")
_SUBJECT = ("dermaclinic", "dermoscopy", "dermatology", "melanoma", "clinic")
LEFT = 6  # letters that must remain beside what everybody would try


class DecoratedPasswordValidator:
    """Refuses a frequent password, or a word of this place, in disguise; and a short repetition."""

    def __init__(self) -> None:
        self._common = CommonPasswordValidator().passwords

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError when little is left without decoration."""
        text = password.lower()
        if _repeats(text):
            raise ValidationError(_("This password repeats itself."), code="password_repeats")
        plain = {_EDGES.sub("", text), _EDGES.sub("", text).translate(_LOOKALIKES)}
        plain |= {_EDGES.sub("", text.translate(_LOOKALIKES))}
        if any(each in self._common or _is_subject(each) for each in plain):
            raise ValidationError(
                _("This is a frequent password in disguise."), code="password_too_common"
            )

    def get_help_text(self) -> str:
        return str(gettext_lazy("Not a frequent password with a few changes."))


def _repeats(text: str) -> bool:
    """Whether at most six characters, over and over, make the password."""
    return any(text == (text[:n] * len(text))[: len(text)] for n in range(1, 7))


def _is_subject(text: str) -> bool:
    rest = re.sub(r"[^a-z]", "", text)
    for word in _SUBJECT:
        rest = rest.replace(word, "")
    return len(rest) < LEFT and any(word in text for word in _SUBJECT)


def change(request: HttpRequest, *, user: User, password: str) -> None:
    """Set one's own password anew: other sessions and all API tokens end with the old one.

    Raises Invalid with the reasons when it is weak.
    """
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        reasons: dict[str, list[StrOrPromise]] = {"password": [*error.messages]}
        raise Invalid(_("Please choose another one."), errors=reasons) from error
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        row.set_password(password)
        row.save(update_fields=["password"])
        sessions.end_all(user, but=request.session.session_key or "")
        for membership in memberships_of(user.pk):
            actor = actor_for(request, membership)
            with clinic_context(actor.clinic_id):
                audit.changed_password(actor)
                tokens.end_all(actor, membership)
    user.password = row.password
