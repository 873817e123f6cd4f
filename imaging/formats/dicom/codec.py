"""Decodes the medical codecs (lossless and 12-bit JPEG, JPEG-LS, JPEG 2000, HTJ2K, RLE).

Their native decoders abort, hang or eat the memory on hostile input, so each runs once, in a
process of its own with limits on memory and time; what breaks there breaks nothing here.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.formats.refusal import Refused

TIMEOUT_SECONDS = 60
_PROGRAM = Path(__file__).with_name("decoder_process.py")


@dataclass(frozen=True)
class Decoded:
    """``samples`` is (rows, columns, channels), unsigned; ``precision`` its bits; ``is_rgb`` where
    the codec undid a colour transform of its own."""

    samples: NDArray[np.unsignedinteger]
    precision: int
    is_rgb: bool


def decode(
    codec: str, stream: bytes, *, rows: int, columns: int, channels: int, bits_allocated: int
) -> Decoded:
    """Decode one frame with "jpeg", "jpeg2000" or "rle"; refuses what is not as announced."""
    request = {
        "codec": codec,
        "rows": rows,
        "columns": columns,
        "channels": channels,
        "bits_allocated": bits_allocated,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_PROGRAM), json.dumps(request)],
            input=stream,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
            env=_environment(),
        )
        header, _newline, body = done.stdout.partition(b"\n")
        answer = json.loads(header)
    except (subprocess.SubprocessError, ValueError) as error:
        raise Refused("damaged") from error
    samples = np.frombuffer(body, dtype=answer["dtype"])
    if samples.size != rows * columns * channels:
        raise Refused("damaged")
    shaped = samples.reshape(rows, columns, channels)
    return Decoded(shaped, int(answer["precision"]), bool(answer["is_rgb"]))


def _environment() -> dict[str, str]:
    """The decoder needs Python's paths, and none of the server's secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
