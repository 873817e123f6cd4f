"""What is brought to a doctor's browser ahead of the visit that it belongs to.

Not a look: nobody has opened it. But it has left the server, so it is on record as what it is.
"""

from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import write

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def preloaded_study(actor: "Actor", study: Any) -> None:
    """The ids of its images, because it is the next one."""
    write(actor, "study.preloaded", obj=study)


def preloaded_image(actor: "Actor", instance: Any) -> None:
    write(actor, "image.preloaded", obj=instance)
