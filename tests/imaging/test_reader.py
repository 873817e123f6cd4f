"""Each file is read in a process of its own: what breaks or eats there breaks nothing here."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from dermaclinic.errors import Unavailable
from imaging import formats
from imaging.formats import reader
from imaging.formats.admitted import Picture, answer, understood
from imaging.formats.limits import Limits
from imaging.formats.reader import Outcome, Zygote
from tests.imaging import dicoms, files
from tests.waiting import wait_until

BIG = files.raw_png(np.full((4000, 4000, 3), 90), depth=8, colour=2)  # 46 MiB of pixels
MIB = 1024**2


@pytest.fixture
def bounded() -> Iterator[Callable[..., Zygote]]:
    """Makes readers with limits of one's own, and ends them."""
    made: list[Zygote] = []

    def make(**limits: Any) -> Zygote:
        made.append(Zygote(Limits(**limits)))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def is_fine(outcome: Outcome) -> bool:
    return outcome.code == "" and understood(outcome.answer).width == files.WIDTH


class Reading(threading.Thread):
    """One file being read, and its reader's process."""

    def __init__(self, zygote: Zygote, data: bytes) -> None:
        super().__init__()
        self.zygote, self.data = zygote, data
        self.outcome: Outcome | None = None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self.zygote.read(self.data, "")
        except Unavailable as error:
            self.error = error

    def process(self) -> psutil.Process:
        """The child that reads it."""

        def found() -> Any:
            pid = self.zygote.pid
            return pid and psutil.Process(pid).children()

        [child] = wait_until(found)
        return child


def test_a_bomb_meets_its_limit_of_memory(bounded: Any) -> None:
    zygote = bounded(memory=300 * MIB)
    outcome = zygote.read(BIG, "")
    with pytest.raises(formats.Refused) as refused:
        understood(outcome.answer)
    assert refused.value.code == "too-costly"
    assert "memory" in refused.value.message
    assert 0 < outcome.peak_kib < 300 * 1024
    assert is_fine(zygote.read(files.jpeg(), ""))


def test_a_file_that_takes_too_long_is_given_up(bounded: Any) -> None:
    zygote = bounded(wall=0.02)
    outcome = zygote.read(BIG, "")
    assert (outcome.code, outcome.how, outcome.answer) == ("too-costly", "SIGALRM", b"")


def test_a_reader_that_hears_no_alarm_is_killed(bounded: Any) -> None:
    zygote = bounded(wall=1, grace=0.2)
    reading = Reading(zygote, BIG)
    reading.process().suspend()
    reading.join(30)
    assert reading.outcome == Outcome(b"", "too-costly", "SIGKILL", reading.outcome.peak_kib)
    assert not psutil.Process(zygote.pid).children()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGSEGV, "damaged"), (signal.SIGABRT, "damaged"), (signal.SIGKILL, "too-costly")],
)
def test_a_decoder_that_dies_takes_nobody_with_it(bounded: Any, number: int, code: str) -> None:
    zygote = bounded()
    reading = Reading(zygote, BIG)
    child = reading.process()
    child.suspend()
    assert is_fine(zygote.read(files.jpeg(), ""))  # another reader, meanwhile
    child.send_signal(number)
    child.resume()
    reading.join(30)
    assert reading.outcome is not None
    assert (reading.outcome.code, reading.outcome.answer) == (code, b"")


def test_when_no_reader_is_left_the_next_file_gets_a_new_one(bounded: Any) -> None:
    zygote = bounded()
    reading = Reading(zygote, BIG)
    child, first = reading.process(), zygote.pid
    os.kill(first, signal.SIGKILL)
    reading.join(30)
    assert isinstance(reading.error, Unavailable)
    assert wait_until(lambda: not child.is_running()), "a reader outlived its parent"
    assert is_fine(zygote.read(files.jpeg(), ""))
    assert zygote.pid != first


def test_a_reader_knows_none_of_the_servers_secrets(
    bounded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "not-for-readers")
    monkeypatch.setenv("VAULT_KEYS", "not-for-readers")
    zygote = bounded()
    assert is_fine(zygote.read(files.jpeg(), ""))
    known = psutil.Process(zygote.pid).environ()
    assert "PYTHONPATH" in known
    assert not {"SECRET_KEY", "VAULT_KEYS", "DATABASE_URL"} & set(known)
    assert "not-for-readers" not in json.dumps(known)


def test_a_reader_is_bound_to_its_limits(bounded: Any) -> None:
    zygote = bounded(memory=900 * MIB, cpu=7)
    reading = Reading(zygote, BIG)
    child = reading.process()
    bound = wait_until(lambda: _limits(child))
    assert bound == {"AS": 900 * MIB, "CPU": 7, "FSIZE": 0, "CORE": 0, "NOFILE": 4}
    child.kill()
    reading.join(30)


def test_a_bound_reader_opens_nothing() -> None:
    """Neither a file nor a socket: its four are taken (0 to 2, and 3 for the job)."""
    program = (
        "import os, socket; from imaging.formats.limits import Limits, bind\n"
        "os.dup2(0, 3); os.closerange(4, 256); bind(Limits())\n"
        "for attempt in (lambda: open('/proc/self/stat'), socket.socket, lambda: os.dup(0)):\n"
        "    try: attempt(); print('opened')\n"
        "    except OSError as error: print(error.errno)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(formats.__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(errno.EMFILE)] * 3


def _limits(child: psutil.Process) -> dict[str, int] | None:
    wanted = ("AS", "CPU", "FSIZE", "CORE", "NOFILE")
    found = {name: child.rlimit(getattr(psutil, f"RLIMIT_{name}"))[0] for name in wanted}
    return found if found["AS"] > 0 else None


def test_the_servers_own_reader_is_bounded_too() -> None:
    outcome = reader.read(files.jpeg(), "")
    assert is_fine(outcome)
    assert outcome.peak_kib < 200 * 1024
    assert reader.zygote.limits.memory <= 4 * 1024**3


def test_a_forked_server_starts_a_reader_of_its_own() -> None:
    assert is_fine(reader.read(files.jpeg(), ""))
    before = reader.zygote.pid
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, b"y" if reader.zygote.pid is None else b"n")
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as said:
        assert said.read() == b"y"
    os.waitpid(pid, 0)
    assert is_fine(reader.read(files.jpeg(), ""))
    assert reader.zygote.pid == before


class TestAnswers:
    """An answer is believed no more than the file that its process has met."""

    @pytest.fixture
    def said(self) -> tuple[dict[str, Any], bytes]:
        line, _newline, rest = reader.read(dicoms.dicom(), "").answer.partition(b"\n")
        return json.loads(line), rest

    def put(self, said: dict[str, Any], rest: bytes) -> Picture:
        return understood(json.dumps(said).encode() + b"\n" + rest)

    def test_what_was_said_is_understood(self, said: Any) -> None:
        picture = self.put(*said)
        assert picture.dicom is not None and picture.dicom.patient_id == "MRN-7"
        assert understood(answer(picture)) == picture

    @pytest.mark.parametrize(
        "change",
        [
            {"width": 20_000_000},
            {"width": "64"},
            {"height": 3},
            {"format": "gif"},
            {"format": "jpeg"},
            {"image_media_type": "text/html"},
            {"image_media_type": "image/png"},
            {"sizes": [1, 2]},
            {"sizes": [-5, 900]},
            {"sizes": None},
            {"dicom": None},
            {"dicom": {}},
            {"quality": {"verdict": "good"}},
            {"quality": None},
            {"refused": "no-such-code", "details": {}},
            {"refused": "empty", "details": "none"},
            {"clinic": "another"},
        ],
    )
    def test_nonsense_is_refused(self, said: Any, change: dict[str, Any]) -> None:
        line, rest = said
        with pytest.raises((ArithmeticError, AttributeError, LookupError, TypeError, ValueError)):
            self.put(line | change, rest)

    @pytest.mark.parametrize("raw", [b"", b"\n", b"[]\n", b"7", b"{}\n", b'{"width": NaN}\n'])
    def test_so_is_what_is_no_answer(self, raw: bytes) -> None:
        with pytest.raises((LookupError, TypeError, ValueError)):
            understood(raw)

    def test_it_becomes_a_refusal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reader, "read", lambda data, name: Outcome(b"{}\n", "", "", 1))
        with pytest.raises(formats.Refused) as refused:
            formats.admit(files.jpeg())
        assert refused.value.code == "damaged"


def test_no_server_process_imports_a_medical_codec() -> None:
    """libjpeg, openjpeg and rle are native code for hostile streams: readers have them alone."""
    project = Path(formats.__file__).resolve().parents[2]
    naming = [
        str(path.relative_to(project))
        for room in ("dermaclinic", "imaging", "inference", "patients", "reports", "workers")
        for path in (project / room).rglob("*.py")
        if any(f'"{name}"' in path.read_text() for name in ("libjpeg", "openjpeg"))
    ]
    assert sorted(naming) == ["imaging/formats/dicom/codec.py", "imaging/formats/zygote.py"]
