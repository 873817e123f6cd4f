"""How somebody likes to work: keys and theme. Of a person, in every clinic; no patient's data."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _


class Theme(models.TextChoices):
    AUTO = "auto", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class UserPreference(models.Model):
    """One row a person; without one, everything is as the standard has it.

    `keys` maps actions (shortcuts.py) to keys; the database refuses the same key twice.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="preference",
    )
    single_letters = models.BooleanField(_("single keys"), default=True)
    keys = models.JSONField(_("keys"), default=dict, blank=True)
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, default=Theme.AUTO)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(theme__in=Theme.values), name="theme_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    Exact(
                        models.Func(
                            "keys", function="jsonb_typeof", output_field=models.TextField()
                        ),
                        "object",
                    )
                ),
                name="keys_are_by_action",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user_id)
