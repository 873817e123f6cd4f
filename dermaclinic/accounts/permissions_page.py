"""docs/permissions.md, made from the table that the code goes by: it cannot say anything else."""

from django.apps import apps
from django.utils import translation

from dermaclinic.accounts.models import Role
from dermaclinic.accounts.policies import POLICY

HEAD = """\
# Who may do what

Rendered from `POLICY` in `dermaclinic/accounts/policies.py` by `python manage.py
render_permissions`; a test fails while this page says anything else. What is not in the table is
denied. Rights hold in one's own clinic: another clinic's rows are *not found*, for every role. What
each address answers to whom is in `tests/permissions/expected.py`, which a test holds against every
address there is.

| What | Verb | {roles} |
|---|---|{lines}|
"""


def rendered() -> str:
    """The whole page, in English."""
    with translation.override("en"):
        roles = [(value, str(label)) for value, label in Role.choices]
        head = HEAD.format(
            roles=" | ".join(label for _value, label in roles), lines="|".join(":-:" for _ in roles)
        )
        rows = [
            f"| {_name(label)} | {verb} | "
            + " | ".join("yes" if value in may else "–" for value, _label in roles)
            + " |"
            for label, verbs in POLICY.items()
            for verb, may in verbs.items()
        ]
    return head + "\n".join(rows) + "\n"


def _name(label: str) -> str:
    """The model in words, and as the code has it."""
    return f"{str(apps.get_model(label)._meta.verbose_name).lower()} (`{label}`)"
