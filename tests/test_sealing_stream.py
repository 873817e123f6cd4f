"""A sealed stream: whole it opens, and nothing of it can be cut, swapped, left out or put in."""

import io
import os

import pytest

from dermaclinic.sealing import envelope
from dermaclinic.sealing.keyring import Keyring, VaultCorrupt, VaultKeyMissing
from dermaclinic.sealing.stream import CHUNK, Reader, Writer

RING = Keyring({"a": b"a" * 32}, b"n" * 32)
HEADER = 8 + 16 + 1 + 32 + 60
SEALED = CHUNK + envelope.TAG


def sealed(data: bytes, *, keyring: Keyring = RING, step: int = 300_000) -> bytes:
    out = io.BytesIO()
    writer = Writer(out, keyring)
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
    writer.finish()
    return out.getvalue()


def opened(stream: bytes, *, keyring: Keyring = RING) -> bytes:
    return Reader(io.BytesIO(stream), keyring).read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_what_goes_in_comes_out(size: int) -> None:
    data = os.urandom(size)
    stream = sealed(data)
    assert opened(stream) == data
    chunks = max(1, -(-size // CHUNK))
    assert len(stream) == HEADER + size + chunks * envelope.TAG
    assert size < 16 or data[:16] not in stream


def test_it_is_read_in_pieces_of_any_size() -> None:
    data = os.urandom(2 * CHUNK + 5)
    reader = Reader(io.BytesIO(sealed(data)), RING)
    pieces = [reader.read(size) for size in (1, 512, CHUNK, 10 * CHUNK)]
    assert b"".join(pieces) == data
    assert [len(piece) for piece in pieces[:3]] == [1, 512, CHUNK]
    assert reader.read(10) == b""


@pytest.mark.parametrize("data", [b"", b"x" * 10, b"y" * (2 * CHUNK), b"z" * (2 * CHUNK + 9)])
def test_cut_anywhere_it_is_refused(data: bytes) -> None:
    stream = sealed(data)
    ends = {0, 5, HEADER - 1, HEADER, HEADER + 3, HEADER + SEALED, HEADER + SEALED + 20}
    for end in {*ends, HEADER + 2 * SEALED, len(stream) - 1}:
        if end < len(stream):
            with pytest.raises(VaultCorrupt):
                opened(stream[:end])


def test_without_its_end_it_is_cut() -> None:
    out = io.BytesIO()
    Writer(out, RING).write(b"x" * (2 * CHUNK))
    with pytest.raises(VaultCorrupt):
        opened(out.getvalue())


def test_chunks_cannot_be_swapped_repeated_left_out_or_taken_from_another() -> None:
    stream = sealed(os.urandom(4 * CHUNK))
    head, rest = stream[:HEADER], stream[HEADER:]
    parts = [rest[start : start + SEALED] for start in range(0, len(rest), SEALED)]
    other = sealed(os.urandom(4 * CHUNK))[HEADER:][:SEALED]
    for wrong in (
        [parts[1], parts[0], *parts[2:]],
        [parts[0], parts[0], *parts[1:]],
        [parts[0], *parts[2:]],
        [other, *parts[1:]],
        [*parts, parts[3]],
        parts[:3],
    ):
        with pytest.raises(VaultCorrupt):
            opened(head + b"".join(wrong))
    assert len(opened(head + b"".join(parts))) == 4 * CHUNK


def test_every_changed_byte_is_noticed() -> None:
    stream = sealed(b"a backup")
    for position in range(len(stream)):
        changed = bytearray(stream)
        changed[position] ^= 1
        with pytest.raises((VaultCorrupt, VaultKeyMissing)):
            opened(bytes(changed))


def test_another_key_does_not_open_it() -> None:
    stream = sealed(b"a backup")
    with pytest.raises(VaultKeyMissing, match="'a'"):
        opened(stream, keyring=Keyring({"b": b"b" * 32}, b"n" * 32))
    with pytest.raises(VaultCorrupt):
        opened(stream, keyring=Keyring({"a": b"b" * 32}, b"n" * 32))
    rotated = Keyring({"b": b"b" * 32, "a": b"a" * 32}, b"n" * 32)
    assert opened(stream, keyring=rotated) == b"a backup"
