"""Spoiled files at the door: no crash, no defect, nothing left of what was refused."""

import io
import resource
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from imaging.formats import reader
from imaging.formats.admitted import understood
from imaging.formats.reader import Zygote
from imaging.formats.refusal import Refused
from imaging.models import Instance, Quarantine
from imaging.storage import vault
from tests import factories
from tests.api.calling import V1, as_member, count, problem
from tests.attacks.mutants import mutants

PEAK_KIB = 400 * 1024  # of a reader: the pictures are small, but a spoiled one may claim more
GROWTH_KIB = 200 * 1024  # of this process, over all of them
SIDE_BY_SIDE = 4
AT_A_TIME = 250


def read(zygote: Zygote, data: bytes) -> tuple[str, int]:
    """How a reader took a file: "admitted" or the code of its refusal, and its peak of memory."""
    outcome = zygote.read(data, "")
    if outcome.code:
        return f"ended by {outcome.how}", outcome.peak_kib
    try:
        picture = understood(outcome.answer)
    except Refused as refused:
        return refused.code, outcome.peak_kib
    with Image.open(io.BytesIO(picture.image)) as image:
        image.load()
        assert image.size == (picture.width, picture.height)
    return "admitted", outcome.peak_kib


def try_all(number: int) -> Counter[str]:
    """Read so many, each in a process of its own; what became of them."""
    zygotes = [Zygote() for _ in range(SIDE_BY_SIDE)]
    seen: Counter[str] = Counter()
    try:
        for each in zygotes:
            each.read(b"warm", "")
        pids = [each.pid for each in zygotes]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        highest = 0

        def read_one(spoiled: tuple[int, bytes]) -> tuple[int, str, int]:
            which, data = spoiled
            return which, *read(zygotes[which % SIDE_BY_SIDE], data)

        with ThreadPoolExecutor(SIDE_BY_SIDE * reader.AT_ONCE) as pool:
            for first in range(0, number, AT_A_TIME):
                some = mutants(min(AT_A_TIME, number - first), first=first)
                for which, how, peak in pool.map(read_one, (each for each in some if each[1])):
                    assert peak < PEAK_KIB, f"mutant {which} took {peak} KiB"
                    seen[how] += 1
                    highest = max(highest, peak)
        assert [each.pid for each in zygotes] == pids, "a file took its reader's parent with it"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < GROWTH_KIB
    finally:
        for each in zygotes:
            each.stop()
    print(f"\n{number} spoiled files, peak {highest // 1024} MiB: {dict(seen.most_common())}")
    return seen


class Door:
    """The API's upload, as a technician uses it, and what is on record behind it."""

    def __init__(self, technician: Any) -> None:
        self.technician = technician
        self.client: APIClient = as_member(technician)
        self.study = factories.study(technician, factories.patient(technician))

    def kept(self) -> tuple[int, int, frozenset[str]]:
        found = count(self.technician, Instance), count(self.technician, Quarantine)
        return *found, frozenset(vault().names())

    def upload(self, which: int, data: bytes) -> int:
        """The status; asserts that a refusal has left nothing."""
        before = self.kept()
        answer = self.client.post(
            f"{V1}/studies/{self.study.pk}/instances/",
            {"file": SimpleUploadedFile("spoiled", data)},
            format="multipart",
        )
        assert answer.status_code in (201, 200, 400, 409, 422), f"mutant {which}"
        if answer.status_code >= 400:
            problem(answer, answer.status_code)
        if answer.status_code in (400, 422):
            assert self.kept() == before, f"mutant {which} was refused and left something"
        return int(answer.status_code)


def test_five_hundred_spoiled_files() -> None:
    seen = try_all(500)
    assert sum(seen.values()) >= 490
    assert seen["admitted"] and seen["damaged"] and seen["truncated"]


def test_spoiled_files_at_the_door(technician: Any) -> None:
    door = Door(technician)
    seen = Counter(door.upload(*each) for each in mutants(60))
    assert seen[422] > 20


@pytest.mark.fuzz
@pytest.mark.timeout(7200)
def test_twenty_thousand_spoiled_files() -> None:
    seen = try_all(20_000)
    assert sum(seen.values()) > 19_500


@pytest.mark.fuzz
@pytest.mark.timeout(7200)
def test_very_many_spoiled_files_at_the_door(technician: Any) -> None:
    door = Door(technician)
    seen = Counter(door.upload(*each) for each in mutants(1000, first=20_000))
    print(f"\n1000 spoiled files at the door: {dict(seen)}")
    assert seen[422] > 300
