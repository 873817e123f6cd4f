"""Requests that are not what they seem: forged, redirected, traversing, smuggling."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from imaging.models import Instance, Rejection
from imaging.storage import vault
from tests import factories
from tests.api.calling import V1, as_member, count, problem
from tests.imaging import files
from tests.pages.conftest import browser
from tests.permissions.expected import ROWS
from tests.permissions.matrix import Matrix

pytestmark = pytest.mark.django_db
ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example",
    "\\\\evil.example", "http:evil.example", "https:///evil.example", "javascript:alert(1)",
    " //evil.example", "/%0d%0aLocation:%20https://evil.example", "\t//evil.example",
    "//testserver@evil.example/", "https://testserver.evil.example/", "/\t/evil.example",
]  # fmt: skip
CLIMBING = [
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd", "..\\..\\etc\\passwd", "/etc/passwd", "vendor/../../manage.py",
    "%00/etc/passwd", "..%252f..%252fetc%252fpasswd", "css/../../dermaclinic/settings/base.py",
]  # fmt: skip


class TestSessions:
    def test_signing_in_gives_a_new_session(self, technician: Any) -> None:
        client = Client()
        session = client.session
        session["planted"] = "by an attacker"
        session.save()
        planted = str(session.session_key)
        client.cookies[settings.SESSION_COOKIE_NAME] = planted
        client.post(
            reverse("sign-in"),
            {"email": technician.user.email, "password": factories.PASSWORD},
        )
        assert client.session.session_key != planted
        other = Client()
        other.cookies[settings.SESSION_COOKIE_NAME] = planted
        assert other.get(reverse("patients:find")).status_code == 302

    def test_a_made_up_session_is_not_adopted(self, technician: Any) -> None:
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
        client.post(
            reverse("sign-in"),
            {"email": technician.user.email, "password": factories.PASSWORD},
        )
        assert client.session.session_key != "a" * 32

    def test_signing_out_ends_it_on_the_server(self, technician: Any) -> None:
        client = browser(technician)
        key = str(client.session.session_key)
        client.post(reverse("sign-out"))
        other = Client()
        other.cookies[settings.SESSION_COOKIE_NAME] = key
        assert other.get(reverse("patients:find")).status_code == 302

    def test_a_session_is_no_address(self, technician: Any) -> None:
        """Neither a query nor a header carries one in."""
        key = str(browser(technician).session.session_key)
        for query in ("sessionid", settings.SESSION_COOKIE_NAME, "token"):
            answer = Client().get(reverse("patients:find"), {query: key})
            assert answer.status_code == 302


UNSAFE = [
    (row, method)
    for row, method in itertools.product(ROWS, ("POST", "PUT", "PATCH", "DELETE"))
    if row.answers.get(method)
]


class TestForgery:
    @pytest.mark.parametrize("role", ["technician", "doctor", "administrator"])
    def test_nothing_is_written_without_the_token(self, matrix: Matrix, role: str) -> None:
        """By session: every page and every address of the API."""
        caller = matrix.callers[role][0]
        cookies = caller._headers["cookie"]
        client = Client(enforce_csrf_checks=True, headers={"cookie": cookies})
        through = []
        for row, method in UNSAFE:
            answer = client.generic(
                method, matrix.path(row), b"{}", "application/json", headers=dict(row.headers)
            )
            # An address that asks for nobody's session has nothing to forge.
            if answer.status_code != 403 and not row.route.endswith("auth/token/"):
                through.append(f"{method} {row.route}: {answer.status_code}")
        assert not through, "\n".join(through)

    def test_a_token_of_another_session_is_none(self, technician: Any, doctor: Any) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(factories.user(technician))
        theirs = Client()
        theirs.get(reverse("sign-in"))
        stolen = theirs.cookies["csrftoken"].value
        answer = client.post(
            reverse("patients:register"), {"csrfmiddlewaretoken": stolen, "mrn": "X-1"}
        )
        assert answer.status_code == 403

    def test_over_https_another_origin_is_refused(self, technician: Any) -> None:
        client = Client(enforce_csrf_checks=True)
        client.get(reverse("sign-in"), secure=True)
        token = client.cookies["csrftoken"].value
        for header in ({"Origin": "https://evil.example"}, {"Referer": "https://evil.example/"}):
            answer = client.post(
                reverse("sign-in"),
                {"csrfmiddlewaretoken": token, "email": "a@clinic.example", "password": "x"},
                secure=True,
                headers=header,
            )
            assert answer.status_code == 403


class TestRedirects:
    @pytest.mark.parametrize("target", ELSEWHERE)
    def test_signing_in_leads_nowhere_else(self, technician: Any, target: str) -> None:
        client = Client()
        answer = client.post(
            reverse("sign-in"),
            {"email": technician.user.email, "password": factories.PASSWORD, "next": target},
        )
        assert answer.status_code == 302
        place = answer["Location"]
        assert place.startswith("/") and not place.startswith(("//", "/\\"))
        assert "\r" not in place and "\n" not in place
        assert "evil.example" not in place or place.startswith("/%0d%0a")

    def test_a_next_of_ours_is_followed(self, technician: Any) -> None:
        answer = Client().post(
            reverse("sign-in"),
            {
                "email": technician.user.email,
                "password": factories.PASSWORD,
                "next": reverse("patients:register"),
            },
        )
        assert answer["Location"] == reverse("patients:register")


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        ["evil.example", "testserver.evil.example", "testserver:80@evil.example", "", "a b", "[::1",
         "testserver\r\nX: y", "x" * 300],
    )  # fmt: skip
    def test_another_hosts_name_is_refused(self, host: str) -> None:
        for path in ("/sign-in/", f"{V1}/patients/", "/healthz"):
            answer = Client().get(path, HTTP_HOST=host)
            assert answer.status_code in (400, 401) or path == "/healthz"
            assert host not in answer.content.decode() or not host
            assert "evil" not in answer.headers.get("Location", "")

    def test_what_a_proxy_is_not_asked_to_say_counts_for_nothing(self, technician: Any) -> None:
        page = browser(technician).get("/", headers={"X-Forwarded-Host": "evil.example"})
        assert "evil" not in page.headers.get("Location", "")
        answer = as_member(technician).get(
            f"{V1}/quarantine/", headers={"X-Forwarded-Host": "evil.example"}
        )
        assert b"evil" not in answer.content


class TestClimbing:
    @pytest.mark.parametrize("path", CLIMBING)
    def test_no_address_leads_out_of_its_folder(self, path: str) -> None:
        for prefix in ("/static/", "/static/css/", "/", "/api/docs/"):
            answer = Client().get(prefix + path)
            assert answer.status_code in (302, 400, 404)
            content = b"".join(answer) if answer.streaming else answer.content
            assert b"root:" not in content and b"SECRET_KEY" not in content

    @pytest.mark.parametrize(
        "name", ["../../x", "/etc/passwd", "a" * 64 + "/..", "A" * 64, "", "\0"]
    )
    def test_a_vaults_name_is_digits(self, name: str) -> None:
        for act in (vault().get, vault().delete, lambda each: vault().put(each, b"x")):
            with pytest.raises(ValueError, match="hex digits"):
                act(name)

    @pytest.mark.parametrize(
        "name",
        ["../../../tmp/x.jpg", "/etc/cron.d/x.jpg", "..\\..\\x.jpg", "a\r\nX-Evil: 1.jpg",
         "a\0.jpg", "x" * 3000 + ".jpg", '"><script>.jpg', "con.jpg", ".jpg", "‮gpj.exe.jpg"],
    )  # fmt: skip
    def test_a_files_name_is_no_path(self, technician: Any, name: str, tmp_path: Path) -> None:
        study = factories.study(technician, factories.patient(technician))
        upload = SimpleUploadedFile("x.jpg", files.jpeg(files.texture()), "image/jpeg")
        upload._name = name  # past what the class itself would clean
        before = set(Path("/tmp").iterdir())  # noqa: S108 - where such names point
        answer = as_member(technician).post(
            f"{V1}/studies/{study.pk}/instances/", {"file": upload}, format="multipart"
        )
        assert answer.status_code in (201, 400, 422)
        assert "X-Evil" not in answer.headers
        assert not {each for each in Path("/tmp").iterdir() if each.name == "x.jpg"} - before  # noqa: S108
        stored = [each for each in settings.VAULT_DIR.rglob("*") if each.is_file()]
        assert all(each.is_relative_to(settings.VAULT_DIR) for each in stored)


class TestSizes:
    def test_a_body_that_is_declared_too_large_is_not_read(self, technician: Any) -> None:
        client = as_member(technician)

        class Unread:
            def read(self, *_: Any) -> bytes:
                raise AssertionError("it was read")

            readline = read

        answer = client.generic(
            "POST", f"{V1}/patients/", b"", "application/json", **{"wsgi.input": Unread()},
            CONTENT_LENGTH=str(10 * 1024 * 1024),
        )  # fmt: skip
        problem(answer, 413)
        page = browser(technician).generic(
            "POST", "/patients/", b"", "application/x-www-form-urlencoded",
            **{"wsgi.input": Unread()}, CONTENT_LENGTH=str(10 * 1024 * 1024),
        )  # fmt: skip
        assert page.status_code == 413 and b"<h1>" in page.content

    @pytest.mark.parametrize("length", ["-1", "abc", "1e9", "99999999999999999999999", " 5"])
    def test_a_length_that_is_none(self, technician: Any, length: str) -> None:
        answer = as_member(technician).generic(
            "POST", f"{V1}/patients/", b"{}", "application/json", CONTENT_LENGTH=length
        )
        assert answer.status_code in (400, 413)

    def test_too_many_fields_are_refused(self, technician: Any) -> None:
        fields = {f"field{n}": "x" for n in range(400)}
        assert browser(technician).post("/patients/", fields).status_code == 400

    def test_too_many_files_are_refused(self, technician: Any) -> None:
        study = factories.study(technician, factories.patient(technician))
        several = {f"file{n}": SimpleUploadedFile("a.jpg", files.jpeg()) for n in range(5)}
        answer = as_member(technician).post(
            f"{V1}/studies/{study.pk}/instances/", several, format="multipart"
        )
        assert answer.status_code == 400
        assert count(technician, Instance) == count(technician, Rejection) == 0

    @pytest.mark.parametrize("opening", [b"[", b'{"a":'])
    @pytest.mark.parametrize("depth", [40, 500, 900, 5000])
    def test_deep_json_is_refused(self, technician: Any, opening: bytes, depth: int) -> None:
        closing = b"]" if opening == b"[" else b"}"
        body = opening * depth + b"1" + closing * depth
        answer = as_member(technician).generic(
            "POST", f"{V1}/patients/", body, "application/json", HTTP_IDEMPOTENCY_KEY="k"
        )
        assert "deep" in problem(answer, 400)["detail"]
