"""Rewrapping an object's data key: in place, the sealed data untouched, whole at every moment."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from dermaclinic.sealing import envelope, slots
from imaging.vault import Keyring, LocalVault, VaultCorrupt, VaultKeyMissing
from tests.imaging.test_vault import NAME, keyring, only_file

PROJECT = Path(__file__).resolve().parents[2]
OLD, NEW, BOTH = keyring("a"), keyring("b"), keyring("b", "a")


def data_of(path: Path) -> bytes:
    return path.read_bytes()[slots.HEADER :]


def test_the_sealed_data_are_the_same_bytes_in_the_same_file(tmp_path: Path) -> None:
    LocalVault(tmp_path, OLD).put(NAME, os.urandom(200_000))
    vault = LocalVault(tmp_path, BOTH)
    path = only_file(vault)
    before, inode, plain = data_of(path), path.stat().st_ino, vault.get(NAME)
    assert vault.key_ids(NAME) == {"a"}
    assert vault.rewrap(NAME) is True
    assert vault.key_ids(NAME) == {"b"}
    assert data_of(path) == before
    assert path.stat().st_ino == inode
    assert LocalVault(tmp_path, NEW).get(NAME) == plain
    assert vault.rewrap(NAME) is False


def test_only_the_header_is_ever_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalVault(tmp_path, OLD).put(NAME, os.urandom(200_000))
    written: list[tuple[int, int]] = []
    pwrite = os.pwrite

    def note(handle: int, raw: bytes, offset: int) -> int:
        written.append((offset, len(raw)))
        return pwrite(handle, raw, offset)

    monkeypatch.setattr("imaging.vault.os.pwrite", note)
    LocalVault(tmp_path, BOTH).rewrap(NAME)
    assert written == [(512, 512), (0, 512)], "the new slot, then the old one is wiped"


def test_the_old_wrapping_is_wiped(tmp_path: Path) -> None:
    """Whoever stole the old key must find nothing that it opens."""
    LocalVault(tmp_path, OLD).put(NAME, b"picture")
    LocalVault(tmp_path, BOTH).rewrap(NAME)
    whole = only_file(LocalVault(tmp_path, OLD)).read_bytes()
    assert whole[: slots.SLOT] == slots.EMPTY
    with pytest.raises(VaultKeyMissing, match="'b'"):
        LocalVault(tmp_path, OLD).get(NAME)


def _moments(tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """The file as a crash may leave it, from before the first byte until after the last."""
    old = only_file(LocalVault(tmp_path, OLD)).read_bytes()
    new = slots.successor(BOTH, NAME, slots.read(old[: slots.HEADER]))
    assert new is not None
    written = new.pack()
    for cut in range(0, slots.SLOT + 1, 4):
        torn = written[:cut] + old[slots.SLOT + cut : slots.HEADER]
        yield f"{cut} bytes of the new slot", old[: slots.SLOT] + torn + old[slots.HEADER :]
    for cut in range(0, slots.SLOT + 1, 4):
        wiped = slots.EMPTY[:cut] + old[cut : slots.SLOT]
        yield f"{cut} bytes of the old slot wiped", wiped + written + old[slots.HEADER :]


def test_cut_off_anywhere_it_opens_and_goes_on(tmp_path: Path) -> None:
    LocalVault(tmp_path, OLD).put(NAME, b"picture")
    vault = LocalVault(tmp_path, BOTH)
    path = only_file(vault)
    data = data_of(path)
    for moment, left in list(_moments(tmp_path)):
        path.write_bytes(left)
        assert vault.get(NAME) == b"picture", moment
        vault.rewrap(NAME)
        assert vault.key_ids(NAME) == {"b"}, moment
        assert LocalVault(tmp_path, NEW).get(NAME) == b"picture", moment
        assert (
            path.read_bytes()[:512].count(0) == 512 or path.read_bytes()[512:1024].count(0) == 512
        )
        assert data_of(path) == data, moment


def test_an_object_of_the_first_format_opens_and_is_made_new(tmp_path: Path) -> None:
    vault = LocalVault(tmp_path, BOTH)
    vault.put(NAME, b"")
    path = only_file(vault)
    path.write_bytes(envelope.seal(OLD, NAME, b"picture"))
    assert vault.get(NAME) == b"picture"
    assert vault.key_ids(NAME) == {"a"}
    assert vault.rewrap(NAME) is True
    assert LocalVault(tmp_path, NEW).get(NAME) == b"picture"
    assert vault.rewrap(NAME) is False


def test_a_damaged_header_is_left_as_it_is(tmp_path: Path) -> None:
    LocalVault(tmp_path, OLD).put(NAME, b"picture")
    vault = LocalVault(tmp_path, BOTH)
    path = only_file(vault)
    bad = b"\xff" * slots.HEADER + data_of(path)
    path.write_bytes(bad)
    with pytest.raises(VaultCorrupt):
        vault.rewrap(NAME)
    impostor = Keyring({"b": b"b" * 32, "a": b"z" * 32}, b"n" * 32)
    good = slots.first(OLD, NAME, b"k" * 32) + data_of(path)
    path.write_bytes(good)
    with pytest.raises(VaultCorrupt):
        LocalVault(tmp_path, impostor).rewrap(NAME)
    assert path.read_bytes() == good


# Rewraps an object for each line that it is given; it is killed while it does.
ROTATE = """
import sys
from imaging.vault import LocalVault
from tests.imaging.test_vault import keyring
vault = LocalVault(sys.argv[1], keyring("b", "a"))
for name in vault.names():
    if vault.key_ids(name) != {"b"}:
        sys.stdin.readline()
        print(vault.rewrap(name), flush=True)
"""


@pytest.mark.faults
def test_killed_again_and_again_while_somebody_reads(tmp_path: Path) -> None:
    plain = {f"{n:064x}": os.urandom(5000 + n) for n in range(120)}
    old = LocalVault(tmp_path, OLD)
    for name, data in plain.items():
        old.put(name, data)
    vault = LocalVault(tmp_path, BOTH)
    sealed = {path.name: data_of(path) for path in tmp_path.glob("??/??/*")}
    done, reads, wrong = threading.Event(), 0, []

    def read() -> None:
        nonlocal reads
        while not done.is_set():
            for name, data in plain.items():
                try:
                    if vault.get(name) != data:
                        wrong.append(name)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                    wrong.append(f"{name}: {error!r}")
                reads += 1

    reader = threading.Thread(target=read)
    reader.start()
    chance = Random(4)
    command = [sys.executable, "-c", ROTATE, str(tmp_path)]
    try:
        for _ in range(4):
            child = subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert child.stdin and child.stdout
            count = chance.randrange(8, 24)
            child.stdin.write(b"\n" * (count + 1))
            child.stdin.flush()
            for _ in range(count):
                assert child.stdout.readline() == b"True\n"
            os.kill(child.pid, signal.SIGKILL)  # in the middle of the next one
            child.communicate()
            assert {"a"} in [vault.key_ids(name) for name in plain]
        subprocess.run(command, cwd=PROJECT, input=b"\n" * 120, check=True, timeout=120)
    finally:
        done.set()
        reader.join()
    assert not wrong
    assert reads > len(plain)
    assert all(vault.key_ids(name) == {"b"} for name in plain)
    fresh = LocalVault(tmp_path, NEW)
    assert {name: fresh.get(name) for name in plain} == plain
    assert {path.name: data_of(path) for path in tmp_path.glob("??/??/*")} == sealed
