"""The program that codec.py starts: one frame on standard input, one array on standard output.

It imports nothing of the project. Any error is an exit status other than 0.
"""

import json
import resource
import sys
from importlib import import_module
from typing import Any

MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS = 45


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def _check(wanted: dict[str, Any], rows: int, columns: int, channels: int) -> None:
    if (rows, columns, channels) != (wanted["rows"], wanted["columns"], wanted["channels"]):
        raise SystemExit("The code stream holds another picture than its header announced.")


def _jpeg(stream: bytes, wanted: dict[str, Any]) -> tuple[Any, int, bool]:
    libjpeg = import_module("libjpeg")
    found = libjpeg.get_parameters(stream)
    _check(wanted, found["rows"], found["columns"], found["nr_components"])
    return libjpeg.decode(stream, 0), found["precision"], False


def _jpeg2000(stream: bytes, wanted: dict[str, Any]) -> tuple[Any, int, bool]:
    openjpeg = import_module("openjpeg")
    found = openjpeg.get_parameters(stream)
    _check(wanted, found["rows"], found["columns"], found["samples_per_pixel"])
    samples = openjpeg.decode(stream)
    return samples, found["precision"], _has_colour_transform(stream)


def _has_colour_transform(stream: bytes) -> bool:
    """Read "multiple component transformation" in the COD marker (ISO 15444-1, A.6.1)."""
    start = stream.index(b"\xff\x4f\xff\x51")
    cod = stream.index(b"\xff\x52", start)
    return stream[cod + 8] == 1


def _rle(stream: bytes, wanted: dict[str, Any]) -> tuple[Any, int, bool]:
    numpy = import_module("numpy")
    pixels, bits = wanted["rows"] * wanted["columns"], wanted["bits_allocated"]
    planes = import_module("rle").utils.decode_frame(stream, pixels, bits, "<")
    samples = numpy.frombuffer(planes, f"<u{bits // 8}").reshape(wanted["channels"], pixels)
    return samples.T, bits, False


def main() -> None:
    _limit()
    wanted = json.loads(sys.argv[1])
    numpy = import_module("numpy")
    decoders = {"jpeg": _jpeg, "jpeg2000": _jpeg2000, "rle": _rle}
    stream = sys.stdin.buffer.read()
    samples, precision, is_rgb = decoders[wanted["codec"]](stream, wanted)
    # Sign is the data set's to tell: the bits travel unsigned.
    samples = samples.view(f"<u{samples.dtype.itemsize}")
    if samples.dtype.itemsize > 2:
        raise SystemExit("More than 16 bits a sample.")
    header = {"dtype": samples.dtype.str, "precision": precision, "is_rgb": is_rgb}
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")
    sys.stdout.buffer.write(numpy.ascontiguousarray(samples).tobytes())


if __name__ == "__main__":
    main()
