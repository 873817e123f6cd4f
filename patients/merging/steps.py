"""What other floors know of a record that is to be merged, or to be taken apart again.

Upper floors add their step when they start (see `ready` in imaging, inference and reports): data
flow up, and imports never do. Each is called inside the clinic's context.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django_stubs_ext import StrOrPromise

from dermaclinic.accounts.actor import Actor


@dataclass(frozen=True)
class Obstacle:
    """Why it cannot be done now, and what to do; `address` is where, "" for nowhere."""

    sentence: StrOrPromise
    address: str = ""


@dataclass(frozen=True)
class Note:
    """What is worth knowing before, and the thing it speaks of."""

    sentence: StrOrPromise
    address: str = ""


Step = Callable[[Actor, Sequence[uuid.UUID]], list[Obstacle]]

# Called with the actor and the ids of the patients whose rows would move: of both records before a
# merge, of the survivor before an undo. What others work on at this moment stands in the way.
at_work: list[Step] = []

# Called with the actor and the ids of both records: what their rows cannot have together.
colliding: list[Step] = []

# Called with the ids of both records, before a merge: the survivor's first.
notes: list[Callable[[Sequence[uuid.UUID]], list[Note]]] = []

# Called with the ids of both records after a merge or its undoing, in the same transaction: what
# other floors have worked out from a patient's rows is to be worked out anew.
on_moved: list[Callable[[Sequence[uuid.UUID]], None]] = []


def obstacles(steps: Sequence[Step], actor: Actor, patients: Sequence[uuid.UUID]) -> list[Obstacle]:
    """All that stands in the way, in the order of the floors."""
    return [obstacle for step in steps for obstacle in step(actor, patients)]
