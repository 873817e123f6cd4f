"""What else happens in the transaction that changes what is known of a lesion.

Upper floors add their step when they start (see `ready` in reports/apps.py).
"""

from collections.abc import Callable

from dermaclinic.accounts.actor import Actor
from patients.models import Lesion

# Called with the actor and a lesion whose body site is another one now; its row is locked.
on_site_changed: list[Callable[[Actor, Lesion], None]] = []
