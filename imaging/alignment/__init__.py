"""Two images of one lesion laid over each other: a similarity (turn, scale, shift), or none.

The skin's and the lesion's fine structure decides, not the lesion's shape: any dark spot fits over
any other. Three steps, from coarse to fine: a search through all turns and scales (`search.py`),
a refinement of the best ones, and a proof (`proof.py`), without which there is no alignment.

Skin is soft: a contact plate pulls it by some tenths of a millimetre. A similarity does not follow
that, so that what seems to have moved a little may not have.
"""

import time
from dataclasses import dataclass, replace

from PIL import Image

from imaging.alignment import proof, search
from imaging.alignment.detail import Pyramid
from imaging.alignment.similarity import Similarity

__all__ = ["WORK_SIDE", "Alignment", "Similarity", "TooLong", "align", "attempt"]

SECONDS = 6.0  # of this thread's own computing, not of waiting for a busy machine
WORK_SIDE = 256  # pixels of the longer side in the last step
_MIDDLE_SIDE = 128
_FINALISTS = 6
_BEYOND_DOUBT = 1e-9  # false alarms, below which no other similarity is looked at


class TooLong(Exception):
    """The time that was given is over."""


@dataclass(frozen=True)
class Alignment:
    """Where points of the moving image lie in the fixed one, with the proof.

    `found` of `asked` patches found their own place; `false_alarms` is how many similarities as
    good as this chance would bring about, at most.
    """

    similarity: Similarity
    found: int
    asked: int
    false_alarms: float

    @property
    def proved(self) -> bool:
        """Does it count? Only such an alignment is shown."""
        return proof.holds(self.found, self.asked)

    def resized(self, fixed: float, moving: float) -> "Alignment":
        """The same between images that are larger by these factors."""
        return replace(self, similarity=self.similarity.resized(fixed, moving))


def align(fixed: Image.Image, moving: Image.Image, *, seconds: float = SECONDS) -> Alignment | None:
    """Lay `moving` over `fixed`, RGB images of any size; None when that cannot be proved.

    The similarity is between the pixels of the two images as given. Raises TooLong when it takes
    more than `seconds`.
    """
    best = attempt(fixed, moving, seconds=seconds)
    return best if best is not None and best.proved else None


def attempt(
    fixed: Image.Image, moving: Image.Image, *, seconds: float = SECONDS
) -> Alignment | None:
    """The best similarity there is, proved or not; None where nothing overlaps enough to tell."""
    clock = Clock(seconds)
    still, other = Pyramid(fixed), Pyramid(moving)
    found = search.candidates(still, other, clock.check)
    middle = [search.refined(still, other, each, _MIDDLE_SIDE, clock.check) for each in found]
    finalists = search.unlike(middle, other, still.longer / _MIDDLE_SIDE)[:_FINALISTS]
    proved = []
    for each in finalists:
        _better, similarity = search.refined(still, other, each, WORK_SIDE, clock.check)
        count, asked = proof.count(still, other, similarity, WORK_SIDE, clock.check)
        alarms = proof.false_alarms(count, asked)
        proved.append(Alignment(similarity, count, asked, alarms))
        if proved[-1].proved and alarms < _BEYOND_DOUBT:
            break
    return min(proved, key=lambda each: (each.false_alarms, -each.found), default=None)


class Clock:
    """Raises TooLong when it is asked after its time, in seconds of this thread's computing."""

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    def check(self) -> None:
        """Go on, or TooLong."""
        if time.thread_time() > self._end:
            raise TooLong
