"""Where a request comes from: only a proxy of ours is believed when it says who called."""

import ipaddress
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from django.urls import reverse

from dermaclinic.accounts.caller import address_of
from dermaclinic.audit.models import Event
from dermaclinic.settings import environment
from tests.database import acting_as

PROXIES = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("2001:db8::/64")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.1.0.1", None, "10.1.0.1"),
        ("10.1.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.1.0.1", "203.0.113.9, 198.51.100.1,10.1.2.3", "198.51.100.1"),
        ("10.1.0.1", "10.1.2.3", "10.1.2.3"),
        ("2001:db8::1", "2001:db8:1::7", "2001:db8:1::7"),
        ("::ffff:10.1.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("10.1.0.1", "fe80::1%eth0", "fe80::1"),
        ("10.1.0.1", "198.51.100.1, <script>", "10.1.0.1"),
        ("10.1.0.1", "", "10.1.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_caller(settings: Any, peer: str, forwarded: str | None, caller: str) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)
    assert address_of(request) == caller


def test_nobody_is_believed_unless_told(settings: Any) -> None:
    assert settings.TRUSTED_PROXIES == []


@pytest.mark.django_db
def test_the_audit_names_the_caller(settings: Any) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    Client().post(
        reverse("sign-in"),
        {"email": "nobody@clinic.example", "password": "x"},
        headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.1"},
        REMOTE_ADDR="10.1.0.1",
    )
    with acting_as("sealer"):
        assert Event.objects.get(action="account.sign_in_failed").address == "198.51.100.1"


def test_proxies_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", " 10.1.0.0/16,2001:db8::/64 ,")
    assert environment.networks("TRUSTED_PROXIES") == PROXIES
    monkeypatch.setenv("TRUSTED_PROXIES", "10.1.0.0/16, proxy.example")
    with pytest.raises(ImproperlyConfigured, match=r"TRUSTED_PROXIES.*proxy\.example"):
        environment.networks("TRUSTED_PROXIES")
