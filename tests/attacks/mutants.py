"""Files that were good once: a corpus, and numbered ways of spoiling it, the same in every run."""

import random
from collections.abc import Iterator

from pydicom import uid

from tests.imaging import dicoms, files
from tests.imaging.test_formats_bad import SEEDS

_INTERESTING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
_PIECES = (
    b"\xff\xd8\xff", b"\xff\xda", b"\xff\xc4", b"IDAT", b"IHDR", b"acTL", b"\xff\x4f\xff\x51",
    b"\x00\x00\xff\xff", b"DICM", b"\xfe\xff\x00\xe0", b"\xe0\x7f\x10\x00", b"SQ\x00\x00",
)  # fmt: skip


def corpus() -> list[bytes]:
    """Every format, syntax and colour space that is taken, small."""
    wide = dicoms.dataset(dicoms.ramp(12), bits=12)
    lossless = dicoms.dataset()
    lossless.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    return [
        *SEEDS,
        files.jpeg(mode="CMYK"),
        files.jpeg(mode="L", progressive=True),
        files.png(interlace=True),
        files.sef(files.jpeg()),
        dicoms.written(wide),
        dicoms.written(lossless),
        dicoms.dicom(syntax=uid.ExplicitVRBigEndian),
    ]


def mutants(count: int, *, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """So many spoiled files, each with its number: the same number is the same file."""
    good = corpus()
    for number in range(first, first + count):
        yield number, mutant(good, number)


def mutant(good: list[bytes], number: int) -> bytes:
    """One file with one to eight changes: bytes, bits, lengths, pieces moved, added or cut."""
    dice = random.Random(number)
    data = bytearray(good[number % len(good)])
    for _ in range(dice.randint(1, 8)):
        _change(data, dice, good)
        if not data:
            break
    return bytes(data)


def _change(data: bytearray, dice: random.Random, good: list[bytes]) -> None:
    # Headers stand at the front; most changes should meet them.
    reach = min(dice.choice((64, 400, 1200, len(data))), len(data))
    at = dice.randrange(reach)
    match dice.randrange(9):
        case 0:
            data[at] = dice.choice(_INTERESTING)
        case 1:
            data[at] ^= 1 << dice.randrange(8)
        case 2:
            data[at] = dice.randrange(256)
        case 3:
            width = dice.choice((2, 4))
            value = dice.choice((0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            value &= (1 << 8 * width) - 1
            data[at : at + width] = value.to_bytes(width, dice.choice(("little", "big")))
        case 4:
            del data[at : at + dice.randint(1, 64)]
        case 5:
            data[at:at] = dice.choice(_PIECES)
        case 6:
            stop = min(len(data), at + dice.randint(1, 200))
            data[at:at] = data[at:stop]
        case 7:
            other = dice.choice(good)
            start = dice.randrange(len(other))
            data[at : at + 32] = other[start : start + 32]
        case _:
            if dice.randrange(3) == 0:
                del data[at + 1 :]
            else:
                data += dice.choice(_PIECES) * dice.randint(1, 20)
