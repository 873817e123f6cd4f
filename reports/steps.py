"""What else happens in the transaction that records an assessment, or takes one back.

Rooms of this floor add their step when it starts (see `ready` in reports/apps.py), so that the
services that record need not know them.
"""

from collections.abc import Callable

from dermaclinic.accounts.actor import Actor
from reports.models import Assessment

# Called with the actor and the new assessment, which is stored.
on_recorded: list[Callable[[Actor, Assessment], None]] = []

# Called with the actor and the assessment that no longer counts.
on_withdrawn: list[Callable[[Actor, Assessment], None]] = []
