"""Preferences: which key does what, the theme, and what the database refuses."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from dermaclinic.accounts import preferences, shortcuts
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import UserPreference
from dermaclinic.errors import Invalid
from tests.database import acting_as

pytestmark = pytest.mark.django_db


def keep(doctor: Actor, keys: dict[str, str], **changes: Any) -> None:
    fields: dict[str, Any] = {"single_letters": True, "theme": "auto"} | changes
    preferences.store(user=doctor.person, keys=shortcuts.standard() | keys, **fields)


def test_standard_keys_are_keys_of_their_own() -> None:
    assert shortcuts.checked(shortcuts.standard()) == shortcuts.standard()


def test_somebody_who_has_chosen_nothing_has_the_standard(doctor: Actor) -> None:
    assert preferences.of(doctor.person) == preferences.STANDARD
    assert UserPreference.objects.count() == 0


def test_what_was_chosen_holds_and_is_the_persons_alone(doctor: Actor, technician: Actor) -> None:
    keep(doctor, {"claim": "Y", "open": "", "go-worklist": "g  l"}, theme="dark")
    keep(doctor, {"claim": "y", "open": ""}, theme="dark", single_letters=False)
    held = preferences.of(doctor.person)
    assert (held.keys["claim"], held.keys["open"], held.keys["go-worklist"]) == ("y", "", "g w")
    assert (held.theme, held.single_letters) == ("dark", False)
    assert UserPreference.objects.count() == 1
    assert preferences.of(technician.person) == preferences.STANDARD


@pytest.mark.parametrize(
    ("action", "key", "told"),
    [
        ("claim", "cc", "one character"),
        ("claim", "a b c", "one character"),
        ("claim", "\t", "one character"),
        ("claim", "\x07", "one character"),
        ("claim", " ", "meaning of its own"),
        ("claim", "'", "meaning of its own"),
        ("claim", "g '", "meaning of its own"),
        ("claim", "j", "is the key of"),
        ("claim", "J", "is the key of"),
        ("claim", "g", "is the key of"),
        ("next", "c d", "is the key of"),
        ("go-patients", "g w", "is the key of"),
    ],
)
def test_a_key_that_would_not_be_one(doctor: Actor, action: str, key: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        keep(doctor, {action: key})
    [sentences] = refused.value.errors.values()
    assert told in str(sentences[0])
    assert UserPreference.objects.count() == 0


def test_an_unknown_action_and_an_unknown_theme_are_refused(doctor: Actor) -> None:
    with pytest.raises(Invalid, match="no such action"):
        keep(doctor, {"sign-everything": "x"})
    with pytest.raises(Invalid, match="no such theme"):
        keep(doctor, {}, theme="sepia")
    assert UserPreference.objects.count() == 0


def test_a_newer_action_takes_no_key_from_an_older_one() -> None:
    held = shortcuts.resolved({"claim": "d", "gone": "x"})
    assert held["claim"] == "d"
    assert held["diagnosis"] == "", "its standard key is taken"
    assert held["open"] == "o"
    assert "gone" not in held


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"keys": {"claim": "x", "open": "x"}}, "one_action_for_a_key"),
        ({"keys": ["x"]}, "keys_are_by_action"),
        ({"theme": "sepia"}, "theme_is_known"),
    ],
)
def test_the_database_refuses(doctor: Actor, fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        UserPreference.objects.create(user=doctor.person, **fields)
    UserPreference.objects.create(user=doctor.person, keys={"claim": "", "open": ""})


def test_only_the_web_role_reads_them(doctor: Actor) -> None:
    keep(doctor, {})
    for role in ("worker", "sealer"):
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            with acting_as(role):
                UserPreference.objects.count()
