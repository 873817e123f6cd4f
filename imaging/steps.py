"""What else happens in the transaction that admits or moves an image.

Upper floors add their step when they start (see `ready` in inference/apps.py and reports/apps.py):
the opinion is asked for, a signed report is flagged. So data flows up, and imports never do.
"""

import uuid
from collections.abc import Callable, Collection

from django_stubs_ext import StrOrPromise

from dermaclinic.accounts.actor import Actor
from imaging.models import Instance

# Called with the actor and the admitted image.
on_admitted: list[Callable[[Actor, Instance], None]] = []

# Called with the actor, the moved image (already in its new visit) and the former patient's id.
on_moved: list[Callable[[Actor, Instance, uuid.UUID], None]] = []

# Called with the visits whose images are others now: one came or went, or was given to a lesion.
on_filed: list[Callable[[Collection[uuid.UUID]], None]] = []

# Called with an image whose assignment is about to be taken back; a sentence is an objection.
before_taking_back: list[Callable[[Instance], StrOrPromise | None]] = []
