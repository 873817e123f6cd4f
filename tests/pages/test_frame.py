"""What every page has in common: its policy, its marks, its refusals."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from tests.database import acting_as

pytestmark = pytest.mark.django_db


def test_every_page_says_what_it_is_not(at_desk: Client) -> None:
    page = at_desk.get(reverse("patients:find")).content.decode()
    assert "Research use only" in page
    assert "Synthetic data" not in page
    assert 'href="#main"' in page


def test_a_synthetic_clinic_says_so_on_every_page(at_desk: Client, clinic: Any) -> None:
    with acting_as("owner"):
        type(clinic).objects.filter(pk=clinic.pk).update(synthetic=True)
    for name in ("patients:find", "patients:register", "imaging:held"):
        assert b"Synthetic data" in at_desk.get(reverse(name)).content


def test_pages_stay_out_of_caches_and_frames(at_desk: Client) -> None:
    response = at_desk.get(reverse("patients:find"))
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_no_template_needs_a_looser_policy() -> None:
    inline = re.compile(r"<script(?![^>]*\ssrc=)|<style\b|\sstyle=|\son[a-z]+=|javascript:", re.I)
    templates = Path(settings.BASE_DIR, "templates")
    found = [
        f"{path.relative_to(templates)}: {match.group()}"
        for path in templates.rglob("*.html")
        if "pdf" not in path.parts
        for match in inline.finditer(path.read_text())
    ]
    assert not found


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_neither_request_nor_database(
    name: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        page = render_to_string(f"{name}.html")
    assert "<h1>" in page
    assert "To the start page" in page


def test_an_unknown_address_is_a_calm_page(at_desk: Client) -> None:
    response = at_desk.get("/no/such/place/")
    assert response.status_code == 404
    assert b"nothing at this address" in response.content


def test_a_refusal_is_a_fragment_for_htmx_and_a_page_for_people(at_desk: Client) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    address = reverse("patients:detail", args=[nobody])
    page = at_desk.get(address)
    fragment = at_desk.get(address, headers={"HX-Request": "true"})
    assert page.status_code == fragment.status_code == 404
    assert b"<html" in page.content
    assert b"<html" not in fragment.content
    assert b"notice" in fragment.content


def test_no_address_takes_a_name(at_desk: Client) -> None:
    response = at_desk.get(reverse("patients:find"), {"q": "Testperson"})
    assert response.context["found"] is None


@pytest.mark.parametrize(
    "name", ["home", "patients:find", "patients:register", "imaging:held", "audit:events"]
)
def test_nobody_sees_a_page_without_signing_in(name: str) -> None:
    response = Client().get(reverse(name))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("sign-in"))
