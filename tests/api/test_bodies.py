"""Bodies and addresses that no endpoint can read: each is a problem, and none a defect."""

import itertools
import uuid
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from patients.models import Patient
from tests.api.calling import NOWHERE, V1, count, errors, problem

PATIENTS = f"{V1}/patients/"


def addresses() -> list[str]:
    """Every address of the API, with an id that nobody has."""

    def walk(patterns: list[Any], prefix: str) -> list[str]:
        found = []
        for each in patterns:
            here = prefix + str(each.pattern)
            if isinstance(each, URLResolver):
                found += walk(each.url_patterns, here)
            elif isinstance(each, URLPattern) and "/v1/" in here:
                found.append("/" + here)
        return found

    patterns = walk(get_resolver().url_patterns, "")
    rows = ("patient", "lesion", "study", "instance", "quarantine")
    for name in (*rows, "prediction", "model", "assessment", "reading", "report"):
        patterns = [each.replace(f"<uuid:{name}_id>", str(NOWHERE)) for each in patterns]
    return patterns


ADDRESSES = addresses()
METHODS = ("get", "post", "put", "patch", "delete")
BODIES: list[Any] = [{}, [], {"x": "\0"}, None]


def test_the_walk_found_them() -> None:
    assert len(ADDRESSES) > 25
    assert not [each for each in ADDRESSES if "<" in each]


@pytest.mark.parametrize("role", ["as_technician", "as_doctor", "as_administrator", "as_nobody"])
def test_every_address_and_method_answers_with_a_problem(request: Any, role: str) -> None:
    client = request.getfixturevalue(role)
    for address, method, body in itertools.product(ADDRESSES, METHODS, BODIES):
        answer = getattr(client, method)(address, body)
        assert answer.status_code < 500, (method, address, body)
        if answer.status_code >= 400:
            problem(answer, answer.status_code)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff\xfe",
        b"nul",
        b"{'mrn': 1}",
        b'{"mrn": NaN}',
        b'{"mrn": -Infinity}',
        b'{"mrn": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"mrn": ' + b"9" * 5000 + b"}",
        '{"mrn": "ü"}'.encode("utf-16"),
        b"mrn=A-1",
        b"\0",
    ],
    ids=range(14),
)
def test_what_is_not_json(as_technician: APIClient, technician: Any, raw: bytes) -> None:
    answer = as_technician.generic("POST", PATIENTS, raw, content_type="application/json")
    problem(answer, 400)
    assert count(technician, Patient) == 0


@pytest.mark.parametrize("raw", [b"null", b"7", b'"x"', b"[]", b"true", b"1e999"])
def test_json_that_is_no_object(as_technician: APIClient, technician: Any, raw: bytes) -> None:
    answer = as_technician.generic("POST", PATIENTS, raw, content_type="application/json")
    problem(answer, 400)
    assert count(technician, Patient) == 0


def test_too_much_json(as_technician: APIClient, technician: Any) -> None:
    answer = as_technician.post(PATIENTS, {"mrn": "x" * 1024 * 1024})
    problem(answer, 413)
    assert count(technician, Patient) == 0


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/xml", "nonsense", "/", "application/json2", "x" * 300,
    ],
)  # fmt: skip
def test_other_media_types(as_technician: APIClient, technician: Any, content_type: str) -> None:
    answer = as_technician.generic("POST", PATIENTS, b"{}", content_type=content_type)
    problem(answer, 415)
    assert count(technician, Patient) == 0


def test_names_of_unknown_fields_are_not_repeated_at_length(as_technician: APIClient) -> None:
    body = {f"{number:03}" + "x" * 500: 1 for number in range(50)}
    answer = as_technician.post(PATIENTS, body)
    assert len(errors(answer)) == 10
    assert len(answer.content) < 3000


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*;q=x"])
def test_whatever_a_client_accepts(as_technician: APIClient, accept: str) -> None:
    answer = as_technician.get(f"{PATIENTS}{uuid.uuid4()}/", HTTP_ACCEPT=accept)
    problem(answer, 404)


@pytest.mark.parametrize(
    "address", ["/api/", "/api/v1/", "/api/v2/patients/", "/api/v1/patients", "/api/v1/nothing/"]
)
@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_what_is_not_in_the_contract(as_nobody: APIClient, address: str, method: str) -> None:
    assert "slash" in problem(getattr(as_nobody, method)(address), 404)["detail"]
