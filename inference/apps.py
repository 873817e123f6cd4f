import uuid
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor
    from imaging.models import Instance


class InferenceConfig(AppConfig):
    name = "inference"

    def ready(self) -> None:
        """An admitted image asks for its opinion; a moved one asks again."""
        from imaging import steps
        from inference import merging
        from patients.merging import steps as merges

        steps.on_admitted.append(_admitted)
        steps.on_moved.append(_moved)
        merges.at_work.append(merging.running)


def _admitted(actor: "Actor", instance: "Instance") -> None:
    from inference.services.requests import request_for

    request_for(actor, instance)


def _moved(actor: "Actor", instance: "Instance", former_patient: uuid.UUID) -> None:
    from inference.services.requests import request_again

    request_again(actor, instance)
