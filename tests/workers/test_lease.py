"""The watchdog ends what does not end by itself, and nothing else."""

import threading

from workers.lease import Watchdog

SOON, LONG = 0.05, 10.0


def test_what_takes_too_long_is_ended() -> None:
    ended = threading.Event()
    with Watchdog(end=ended.set).limit(SOON):
        assert ended.wait(LONG)


def test_what_is_done_in_time_is_left_alone() -> None:
    ended = threading.Event()
    watchdog = Watchdog(end=ended.set)
    with watchdog.limit(SOON):
        pass
    assert not ended.wait(5 * SOON)
    with watchdog.limit(SOON):
        assert ended.wait(LONG)


def test_each_batch_has_its_own_limit() -> None:
    ended = threading.Event()
    watchdog = Watchdog(end=ended.set)
    with watchdog.limit(SOON):
        pass
    with watchdog.limit(LONG):
        assert not ended.wait(5 * SOON)
