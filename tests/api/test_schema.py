"""The OpenAPI document: valid, whole, and readable in a browser under our own CSP."""

import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from tests.api.test_bodies import ADDRESSES

UNREPEATED = ("/auth/token/", "/patients/search/")  # a secret; a read


@pytest.fixture(scope="module")
def document(tmp_path_factory: Any) -> Any:
    """As `manage.py spectacular` writes it; a warning is an error."""
    file = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    return yaml.safe_load(file.read_text())


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_address_is_described(document: Any) -> None:
    described = {re.sub(r"{\w+}", "ID", path) for path in document["paths"]}
    served = {re.sub(r"[0-9a-f]{8}-[0-9a-f-]+", "ID", each) for each in ADDRESSES}
    assert described == served


def test_every_operation_has_a_summary_and_its_problems(document: Any) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert len(operation["tags"]) == 1, where
        responses = operation["responses"]
        assert any(status.startswith("2") for status in responses), where
        expected = set() if path.endswith("/auth/token/") else {"401", "403"}
        if "{" in path:
            expected.add("404")
        if method == "post":
            expected |= {"400", "413", "415"}
            expected |= set() if path.endswith(UNREPEATED) else {"409", "422"}
        assert expected <= set(responses), where
        for status, response in responses.items():
            media = list(response.get("content", {}))
            if status >= "400":
                assert media == ["application/problem+json"], where


def test_every_post_that_stores_something_is_idempotent(document: Any) -> None:
    for path, method, operation in operations(document):
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        expected = method == "post" and not path.endswith(UNREPEATED)
        assert ("Idempotency-Key" in names) == expected, path


def test_bodies_take_no_other_fields(document: Any) -> None:
    schemas = document["components"]["schemas"]
    bodies = [name for name in schemas if name.endswith("In")]
    assert len(bodies) > 8
    for name in bodies:
        assert schemas[name]["additionalProperties"] is False


def test_the_document_is_served(client: Client) -> None:
    answer = client.get("/api/schema/", HTTP_ACCEPT="application/json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.")


def test_the_docs_keep_to_our_own_origin(client: Client) -> None:
    answer = client.get("/api/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert not re.search(r"<style|<script>|style=|https?://", page)
    assert "unsafe" not in answer["Content-Security-Policy"]
    [script] = re.findall(r'<script src="(/api/docs/[^"]+)"', page)
    answer = client.get(script.replace("&amp;", "&"))
    assert answer["Content-Type"].startswith("application/javascript")
    assert b"/api/schema/" in answer.content
