"""The page of preferences, and what every page makes of them."""

import html
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts import preferences, shortcuts
from dermaclinic.accounts.models import UserPreference

pytestmark = pytest.mark.django_db
PAGE = "account:preferences"


def sent(**changes: str) -> dict[str, str]:
    keys = {f"key-{action}": key for action, key in shortcuts.standard().items()}
    return {"theme": "dark", "single_letters": "on"} | keys | changes


def keys_of(client: Client) -> Any:
    page = client.get(reverse("patients:find")).content.decode()
    found = re.search(r'data-keys="([^"]*)"', page)
    assert found
    return json.loads(html.unescape(found[1]))


def test_stored_once_and_on_every_page_from_then_on(doctors: Client, at_desk: Client) -> None:
    assert keys_of(doctors) == {"single_letters": True, "keys": shortcuts.standard()}
    response = doctors.post(reverse(PAGE), sent(**{"key-claim": "y"}))
    assert response.url == reverse(PAGE)
    assert keys_of(doctors)["keys"]["claim"] == "y"
    assert b'data-theme="dark"' in doctors.get(reverse("reports:worklist")).content
    assert b'data-theme="auto"' in at_desk.get(reverse("patients:find")).content
    assert b'data-theme="auto"' in Client().get(reverse("sign-in")).content


def test_single_keys_can_be_switched_off(doctors: Client) -> None:
    fields = sent()
    del fields["single_letters"]
    doctors.post(reverse(PAGE), fields)
    assert keys_of(doctors)["single_letters"] is False
    assert b"switched single keys off" in doctors.get(reverse(PAGE)).content


def test_a_refused_key_keeps_what_was_entered(doctors: Client, doctor: Any) -> None:
    response = doctors.post(reverse(PAGE), sent(**{"key-claim": "j", "key-open": "ö"}))
    page = response.content.decode()
    assert response.status_code == 422
    assert "j is the key of “Next row, next lesion” already." in html.unescape(page)
    assert 'value="ö"' in page
    assert UserPreference.objects.count() == 0


def test_back_to_the_standard_keys_leaves_the_theme(doctors: Client, doctor: Any) -> None:
    doctors.post(reverse(PAGE), sent(**{"key-claim": "y"}))
    doctors.post(reverse(PAGE), sent(**{"key-claim": "y"}) | {"standard": "1"})
    held = preferences.of(doctor.person)
    assert held.keys == shortcuts.standard()
    assert held.theme == "dark"


def test_every_key_that_a_page_names_has_a_place_in_the_preferences() -> None:
    named = {
        action
        for path in Path(settings.BASE_DIR, "templates").rglob("*.html")
        for actions in re.findall(r'data-key="([^"]+)"', path.read_text())
        for action in actions.split()
    }
    assert named <= set(shortcuts.SHORTCUTS)
    assert {"open", "claim", "undo", "sign", "help", "search"} <= named


@pytest.mark.parametrize(
    ("span", "ago", "lasting"),
    [
        (timedelta(seconds=20), "just now", "less than a minute"),
        (timedelta(seconds=90), "1 minute ago", "1 minute"),
        (timedelta(hours=5, minutes=59), "5 hours ago", "5 hours"),
        (timedelta(hours=47), "47 hours ago", "47 hours"),
        (timedelta(days=13), "13 days ago", "13 days"),
        (timedelta(days=20), "2 weeks ago", "2 weeks"),
        (timedelta(days=100), "3 months ago", "3 months"),
        (timedelta(days=800), "2 years ago", "2 years"),
    ],
)
def test_time_since_and_the_exact_time(span: timedelta, ago: str, lasting: str) -> None:
    moment = timezone.now() - span
    shown = Template('{% load ui %}{% since m %}|{% since m "for" %}').render(
        Context({"m": moment})
    )
    assert re.findall(r">([^<]+)</time>", shown) == [ago, lasting]
    assert f'title="{timezone.localtime(moment):%-d %b %Y, %H:%M}"' in shown
    assert f'datetime="{timezone.localtime(moment).isoformat(timespec="seconds")}"' in shown
