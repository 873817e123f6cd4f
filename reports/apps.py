import uuid
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor
    from imaging.models import Instance


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        """A signed report on an image that is moved needs an amendment."""
        from imaging import steps

        steps.on_moved.append(_moved)


def _moved(actor: "Actor", instance: "Instance", former_patient: uuid.UUID) -> None:
    from reports.services.amendments import flag_moved

    flag_moved(actor, instance, former_patient)
