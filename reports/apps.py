import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor
    from imaging.models import Instance


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        """A signed report on a moved image needs an amendment; a visit with a new one waits."""
        from imaging import steps

        steps.on_moved.append(_moved)
        steps.on_filed.append(_filed)


def _moved(actor: "Actor", instance: "Instance", former_patient: uuid.UUID) -> None:
    from reports.services.amendments import flag_moved

    flag_moved(actor, instance, former_patient)


def _filed(study_ids: Collection[uuid.UUID]) -> None:
    from reports.services.waiting import refresh

    refresh(study_ids)
