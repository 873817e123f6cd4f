"""Listens to every log and every Celery message of the suite, and knows each patient by name.

A test that registers a patient fails when anything that identifies the patient (names, record
number, birth date, contact data, national identifier) was logged or sent while it ran. What is
heard is what a handler of the settings would write: the same filter comes first.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.db.models.signals import post_save

from dermaclinic.logs import WithoutValues

SHORTEST = 4  # characters; a shorter value stands in words by chance
CELERY = "a Celery message"


@dataclass
class Heard:
    """What was said during a test, by whom; and who was registered."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    identities: set[str] = field(default_factory=set)

    def clear(self) -> None:
        self.lines.clear()
        self.identities.clear()

    def offences(self) -> list[str]:
        """A sentence for each line that identifies somebody, with the logger's name."""
        wanted = sorted(each for each in self.identities if len(each) >= SHORTEST)
        if not wanted:
            return []
        any_of = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, wanted))})(?!\w)")
        return [
            f"{who} tells {found.group()!r}: {line[:300]}"
            for who, line in self.lines
            if (found := any_of.search(line))
        ]


class Listener(logging.Handler):
    """Keeps what the settings' handlers would write, and the text that hangs on a record."""

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self.heard = heard
        self.addFilter(WithoutValues())
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        own = set(vars(record)) - _PLAIN
        extras = [str(value) for name, value in vars(record).items() if name in own]
        self.heard.lines.append((record.name, " ".join([self.format(record), *extras])))


_PLAIN = {*vars(logging.makeLogRecord({})), "message", "asctime"}


@contextmanager
def listening(heard: Heard) -> Iterator[None]:
    """Hear every logger, those included that pass nothing on to the root, and every message."""
    from patients import sealed
    from patients.models import Patient

    listener = Listener(heard)
    named = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    ends = [logging.getLogger(), *(each for each in named if not each.propagate)]

    def sent(body: Any = None, headers: Any = None, sender: Any = None, **_: Any) -> None:
        heard.lines.append((f"{CELERY} ({sender})", f"{body} {headers}"))

    def stored(instance: Any, **_: Any) -> None:
        names = (instance.family_name, instance.given_name, instance.mrn)
        born = str(instance.birth_date)
        heard.identities.update([*names, born, ".".join(reversed(born.split("-")))])

    seal = sealed.seal

    def sealing(row: Any, column: str, text: str) -> bytes:
        if column != "sealed":
            heard.identities.add(text)
        return seal(row, column, text)

    for logger in ends:
        logger.addHandler(listener)
    before_task_publish.connect(sent, weak=False)
    post_save.connect(stored, sender=Patient, weak=False)
    sealed.seal = sealing
    try:
        yield
    finally:
        sealed.seal = seal
        post_save.disconnect(stored, sender=Patient)
        before_task_publish.disconnect(sent)
        for logger in ends:
            logger.removeHandler(listener)


@pytest.fixture(scope="session")
def heard() -> Iterator[Heard]:
    """The suite's one ear."""
    found = Heard()
    with listening(found):
        yield found


@pytest.fixture(autouse=True)
def nobody_is_named(heard: Heard) -> Iterator[None]:
    """Fail the test in which a log or a message tells who a patient is."""
    heard.clear()
    yield
    if offences := heard.offences():
        pytest.fail("\n".join(["Something identifying was logged:", *offences]), pytrace=False)
