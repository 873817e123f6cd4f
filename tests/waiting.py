"""Waiting for something that another process does, with a deadline instead of a guess."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_never = threading.Event()
STEP = 0.02


def wait_until(predicate: Callable[[], T], timeout: float = 20.0, *, what: str = "") -> T:
    """The first true value of `predicate`; AssertionError when it stays false for `timeout` s."""
    for _ in range(max(1, round(timeout / STEP))):
        if value := predicate():
            return value
        _never.wait(STEP)
    raise AssertionError(f"Not within {timeout:g} s: {what or predicate}")
