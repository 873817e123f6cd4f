"""What monitors ask."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from dermaclinic import health


def test_alive_without_asking_anybody(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        response = Client().get("/healthz")
    assert response.content == b"ok\n"


def test_ready_when_every_part_answers(db: None) -> None:
    response = Client().get("/readyz")
    assert response.status_code == 200
    parts = {"database": "ok", "vault": "ok", "redis": "ok"}
    assert response.json() == {"status": "ok", "parts": parts}


def test_without_redis_still_ready_but_degraded(db: None, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["parts"]["redis"] != "ok"


def test_without_database_not_ready(db: None, monkeypatch: Any) -> None:
    def away() -> None:
        raise OperationalError("connection to 10.0.0.7 refused")

    monkeypatch.setitem(health.CHECKS, "database", (away, True))
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["database"] == "OperationalError"
    assert b"10.0.0.7" not in response.content


def test_without_a_vault_not_ready(db: None, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.VAULT_DIR = tmp_path / "file" / "vault"
    assert Client().get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("address", "proxied", "status"),
    [("127.0.0.1", False, 200), ("192.0.2.9", False, 404), ("127.0.0.1", True, 404)],
)
def test_figures_are_for_this_machine_alone(
    db: None, monkeypatch: Any, address: str, proxied: bool, status: int
) -> None:
    monkeypatch.delenv("METRICS_TOKEN", raising=False)
    headers = {"X-Forwarded-For": "192.0.2.9"} if proxied else {}
    response = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert response.status_code == status
    assert (b"django_http_requests" in response.content) == (status == 200)


def test_figures_by_token_from_anywhere_and_not_without(db: None, monkeypatch: Any) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "a-long-token")
    right = {"Authorization": "Bearer a-long-token"}
    wrong = {"Authorization": "Bearer another"}
    far = {"REMOTE_ADDR": "192.0.2.9"}
    assert Client().get("/metrics", headers=right, **far).status_code == 200
    assert Client().get("/metrics", headers=wrong, **far).status_code == 404
    assert Client().get("/metrics").status_code == 404
