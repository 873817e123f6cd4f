"""The web server itself, spoken to by hand: what HTTP forbids does not get through to a page."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dermaclinic.demo import free_port
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]
FINE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
END = b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A gunicorn of the product's, with its own settings for it; needs no database to refuse."""
    found = free_port("127.0.0.1", 8610)
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.development",
        "DERMACLINIC_STATE": str(tmp_path_factory.mktemp("state")),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": "postgresql:///nobody?host=/nowhere",
        "REDIS_URL": "unix:///nowhere/redis.sock",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "dermaclinic.wsgi", "--bind", f"127.0.0.1:{found}",
         "--worker-class", "gthread", "--threads", "2", "--no-control-socket"],
        cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: _answers(found), 120, what="the web server answers")
        yield found
    finally:
        server.terminate()
        server.wait(30)


def _answers(port: int) -> bool:
    try:
        return status(say(port, FINE + END)) == 200
    except OSError:
        return False


def say(port: int, words: bytes) -> bytes:
    """Everything that the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as line:
        line.sendall(words)
        found = b""
        try:
            while part := line.recv(65536):
                found += part
        except (TimeoutError, ConnectionResetError):
            pass
        return found


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def test_an_ordinary_request_is_answered(port: int) -> None:
    assert say(port, FINE + END).count(b"HTTP/1.1 200") == 1


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"X: a\r\n Transfer-Encoding: chunked\r\n",
        b"X\0: a\r\n",
        b"X: a\0b\r\n",
        b": a\r\n",
        b"X Y: a\r\n",
    ],
)
def test_ambiguous_requests_are_refused_and_nothing_behind_them_is_read(
    port: int, headers: bytes
) -> None:
    words = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n0\r\n\r\n" + SMUGGLED
    answer = say(port, words)
    assert status(answer) in (0, 400, 501)
    assert answer.count(b"HTTP/1.1") <= 1
    assert b" 200 " not in answer


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n", (0, 400, 414)),
        (FINE + b"X: " + b"a" * 20_000 + b"\r\n", (0, 400, 431)),
        (FINE + b"".join(b"X%d: a\r\n" % n for n in range(300)), (0, 400, 431)),
        (b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n", (0, 400, 505)),
        (b"GET /healthz\r\n", (0, 400)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", (0, 400)),
    ],
    ids=range(6),
)
def test_what_is_larger_or_other_than_http_is_refused(
    port: int, words: bytes, expected: tuple[int, ...]
) -> None:
    assert status(say(port, words + END)) in expected
    assert status(say(port, FINE + END)) == 200


def test_a_proxys_word_is_nobodys_here(port: int) -> None:
    """gunicorn takes no scheme and no path from a header; Django alone decides whom to believe."""
    headers = b"X-Forwarded-Proto: https\r\nScript-Name: /x\r\nPath-Info: /readyz\r\n"
    answer = say(port, FINE + headers + END)
    assert status(answer) == 200 and answer.endswith(b"ok\n")
