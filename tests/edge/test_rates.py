"""Who comes too often is told when to come back; without Redis, too, and as quickly."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.test import Client

from dermaclinic.edge import rates
from dermaclinic.settings import base
from tests.api.calling import V1, as_member, problem
from tests.pages.conftest import browser

pytestmark = pytest.mark.django_db
NOWHERE = "unix:///nonexistent/redis.sock?db=0"


def redis_at(settings: Any, location: str) -> None:
    """The product's own caches, with Redis at another place."""
    counts = base.CACHES["counts"] | {"LOCATION": location, "KEY_PREFIX": f"t{time.time_ns()}"}
    settings.CACHES = {"default": base.CACHES["default"], "counts": counts}


@pytest.fixture(autouse=True)
def _afresh(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody has come yet, and a minute does not end in the middle of a test."""
    monkeypatch.setattr(rates, "_away_until", 0.0)
    clock = SimpleNamespace(time=lambda: 6_000_000.0 + 18, monotonic=time.monotonic)
    monkeypatch.setattr(rates, "time", clock)  # its own alone: sessions end by the real one
    redis_at(settings, settings.REDIS_URL)
    caches["default"].clear()
    yield
    caches["default"].clear()


def limit(settings: Any, **limits: int) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {k: (v, 60) for k, v in limits.items()}


def statuses(client: Any, path: str, times: int, **options: Any) -> list[int]:
    return [client.get(path, **options).status_code for _ in range(times)]


@pytest.mark.parametrize("where", ["redis", "nowhere"])
def test_an_address_that_comes_too_often(settings: Any, where: str) -> None:
    if where == "nowhere":
        redis_at(settings, NOWHERE)
    limit(settings, address=3)
    client = Client()
    assert statuses(client, "/sign-in/", 5) == [200, 200, 200, 429, 429]
    answer = client.get("/sign-in/")
    assert 0 < int(answer["Retry-After"]) <= 60
    assert b"Wait" in answer.content and b"<h1>" in answer.content
    assert "no-store" in answer["Cache-Control"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_another_address_is_not_its_neighbour(settings: Any) -> None:
    limit(settings, address=2)
    assert statuses(Client(REMOTE_ADDR="192.0.2.1"), "/sign-in/", 3) == [200, 200, 429]
    assert statuses(Client(REMOTE_ADDR="192.0.2.2"), "/sign-in/", 1) == [200]


def test_who_is_told_by_a_stranger_to_come_from_elsewhere(settings: Any) -> None:
    """X-Forwarded-For is anybody's word unless a proxy of ours has written it."""
    limit(settings, address=2)
    answers = [
        Client().get("/sign-in/", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n in range(3)
    ]
    assert answers == [200, 200, 429]


def test_one_line_of_ipv6_is_one_address() -> None:
    assert rates.whole_line("2001:db8:1:2:aaaa::1") == rates.whole_line("2001:db8:1:2:bbbb::9")
    assert rates.whole_line("2001:db8:1:2::1") != rates.whole_line("2001:db8:1:3::1")
    assert rates.whole_line("192.0.2.7") == "192.0.2.7"
    assert rates.whole_line("") == rates.whole_line("nonsense") == "unknown"


def test_the_next_minute_is_a_new_one(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(settings, address=1)
    client = Client()
    assert statuses(client, "/sign-in/", 2) == [200, 429]
    wait = int(client.get("/sign-in/")["Retry-After"])
    monkeypatch.setattr(rates.time, "time", lambda: 6_000_000.0 + 18 + wait)
    assert statuses(client, "/sign-in/", 1) == [200]


def test_a_token_that_comes_too_often(settings: Any, technician: Any, doctor: Any) -> None:
    limit(settings, member=2)
    client = as_member(technician)
    path = f"{V1}/quarantine/"
    assert statuses(client, path, 2) == [200, 200]
    answer = client.get(path)
    told = problem(answer, 429)
    assert told["type"] == "urn:dermaclinic:problem:too-many-requests"
    assert 0 < int(answer["Retry-After"]) <= 60
    assert statuses(as_member(technician), path, 1) == [429], "a second token is no second person"
    assert statuses(as_member(doctor), path, 1) == [200]


def test_a_person_is_counted_on_pages_and_in_the_api_together(
    settings: Any, technician: Any
) -> None:
    limit(settings, member=2)
    client = browser(technician)
    assert statuses(client, "/patients/", 1) == [200]
    assert statuses(client, f"{V1}/quarantine/", 1) == [200]
    answer = client.get(f"{V1}/quarantine/")
    problem(answer, 429)
    assert "Retry-After" in answer
    fragment = client.get("/patients/", headers={"HX-Request": "true"})
    assert fragment.status_code == 429 and b"<html" not in fragment.content


def test_guesses_are_counted_before_anybody_is_asked(settings: Any, technician: Any) -> None:
    limit(settings, guesses=3)
    guess = {"email": technician.user.email, "password": "a wrong one entirely"}
    client = Client()
    answers = [
        client.post(f"{V1}/auth/token/", guess, content_type="application/json").status_code
        for _ in range(5)
    ]
    assert answers[3:] == [429, 429] and 429 not in answers[:3]
    assert client.post("/sign-in/", guess).status_code == 429, "one count for both doors"
    assert client.get("/sign-in/").status_code == 200, "looking is no guess"


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "Basic"])
def test_a_header_that_nobody_reads_hides_no_guess(settings: Any, scheme: str) -> None:
    limit(settings, guesses=3)
    guess = {"email": "nobody@clinic.example", "password": "a wrong one entirely"}
    client = Client(headers={"Authorization": f"{scheme} {'f' * 40}"})
    doors = [f"{V1}/auth/token/", "/sign-in/", f"/invitation/{uuid4()}/made-up/"] * 2
    answers = [
        client.post(door, guess, content_type="application/json").status_code for door in doors
    ]
    assert 429 not in answers[:3] and answers[3:] == [429] * 3


def test_who_comes_with_a_token_makes_no_guess(settings: Any, technician: Any) -> None:
    limit(settings, guesses=1)
    client = as_member(technician)
    path = f"{V1}/patients/search/"
    answers = [
        client.post(path, {"q": "xy"}, content_type="application/json").status_code
        for _ in range(3)
    ]
    assert 429 not in answers
    assert client.post("/sign-in/", {}).status_code != 429
    assert client.post("/sign-in/", {}).status_code == 429, "on a page the token counts for nothing"
    other = Client(headers={"Authorization": "Basic eDp5"})
    assert other.post(path, {}, content_type="application/json").status_code == 429


def test_a_passkeys_question_is_counted_since_it_is_kept(settings: Any) -> None:
    limit(settings, guesses=2)
    assert statuses(Client(), "/sign-in/passkey/", 4) == [200, 200, 429, 429]


def test_monitors_are_never_slowed(settings: Any) -> None:
    limit(settings, address=1, guesses=1)
    assert statuses(Client(), "/healthz", 4) == [200] * 4


def test_without_redis_the_limit_stays_and_is_told(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    redis_at(settings, NOWHERE)
    limit(settings, address=2)
    with caplog.at_level(logging.WARNING):
        assert [rates.hit("address", "a").is_over for _ in range(4)] == [False, False, True, True]
    told = [record for record in caplog.records if record.name == "dermaclinic.edge.rates"]
    assert len(told) == 1, "said once in a while, not with every request"
    assert "a" not in told[0].getMessage().split()


def test_a_redis_that_hangs_costs_one_short_wait(settings: Any, tmp_path: Any) -> None:
    """It takes connections and never answers."""
    with socket.socket(socket.AF_UNIX) as hanging:
        place = str(tmp_path / "redis.sock")
        hanging.bind(place)
        hanging.listen(8)
        redis_at(settings, f"unix://{place}?db=0")
        limit(settings, address=2)
        started = time.monotonic()
        found = [rates.hit("address", "a").is_over for _ in range(50)]
        assert time.monotonic() - started < 4 * settings.BELL_TIMEOUT_SECONDS + 1
        assert found == [False, False] + [True] * 48


def test_redis_is_asked_again_later(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(settings, address=100)
    good = settings.REDIS_URL
    redis_at(settings, NOWHERE)
    rates.hit("address", "a")
    redis_at(settings, good)
    rates.hit("address", "a")
    assert rates._away_until > time.monotonic(), "not yet"
    monkeypatch.setattr(rates, "_away_until", time.monotonic() - 1)
    shared = caches["counts"]
    before = _total(shared)
    rates.hit("address", "a")
    assert _total(shared) == before + 1


def _total(cache: Any) -> int:
    client = cache._cache.get_client(None)
    return sum(int(client.get(key)) for key in client.scan_iter(f"{cache.key_prefix}:*"))


def test_threads_at_once_are_all_counted(settings: Any) -> None:
    limit(settings, address=1000)
    threads = [
        threading.Thread(target=lambda: [rates.hit("address", "t") for _ in range(20)])
        for _ in range(5)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert _total(caches["counts"]) == 100


def test_addresses_are_not_readable_in_redis(settings: Any) -> None:
    rates.hit("address", "192.0.2.77")
    client = caches["counts"]._cache.get_client(None)
    keys = b" ".join(client.scan_iter(f"{caches['counts'].key_prefix}:*"))
    assert keys and b"192.0.2.77" not in keys
