"""The actions in groups and the purposes in words: what an administrator chooses from."""

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.audit.vocabulary import ACTIONS

MARK = "group."  # an `action` that begins so stands for all of a group

# What stands before the dot of an action → its group; whatever is in none of them is "other".
GROUPS: dict[str, tuple[StrOrPromise, Collection[str]]] = {
    "refusals": (_("Refusals"), {"access"}),
    "accounts": (
        _("Sign-in, people and keys"),
        {"account", "clinic", "member", "keys"},
    ),
    "patients": (_("Patients and lesions"), {"patient", "consent", "lesion"}),
    "images": (_("Visits and images"), {"study", "image", "quarantine"}),
    "opinions": (_("Opinions and models"), {"prediction", "model", "similar"}),
    "review": (_("Worklist and assessments"), {"worklist", "assessment", "histology"}),
    "reports": (_("Reports"), {"report"}),
    "audit": (_("The audit itself"), {"audit"}),
}
OTHER: StrOrPromise = _("Other")

# HL7 v3 PurposeOfUse (terminology.hl7.org, v3-ActReason).
PURPOSES = {
    "TREAT": _("treatment"),
    "HOPERAT": _("running the clinic"),
    "PATRQT": _("the patient asked for it"),
}


def group_of(action: str) -> str:
    """The key of an action's group, "other" when it is in none."""
    room = action.partition(".")[0]
    return next((key for key, (_label, rooms) in GROUPS.items() if room in rooms), "other")


def actions_of(group: str) -> list[str]:
    """The actions of a group, by its key; empty for an unknown one."""
    return [action for action in ACTIONS if group_of(action) == group]


def choices() -> list[tuple[StrOrPromise, list[tuple[str, StrOrPromise]]]]:
    """For a select: each group with "all of these", then its actions in the order of words."""
    labelled = {key: label for key, (label, _rooms) in GROUPS.items()} | {"other": OTHER}
    found: list[tuple[StrOrPromise, list[tuple[str, StrOrPromise]]]] = []
    for key, label in labelled.items():
        if actions := actions_of(key):
            words = sorted(((each, ACTIONS[each]) for each in actions), key=lambda p: str(p[1]))
            whole = _("%(group)s: all") % {"group": label}
            found.append((label, [(f"{MARK}{key}", whole), *words]))
    return found
