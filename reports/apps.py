import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from dermaclinic.accounts.actor import Actor
    from imaging.models import Instance
    from patients.models import Lesion


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        """What other floors ask of this one: moved images, visits that wait, opinions that open."""
        from imaging import steps
        from inference import veil
        from patients import steps as records
        from patients.merging import steps as merges
        from reports import merging
        from reports.second_reading import joining

        veil.opened_by.append(_opened)
        records.on_site_changed.append(_site_changed)
        steps.on_moved.append(_moved)
        steps.before_taking_back.append(_objection)
        steps.on_filed.append(_filed)
        merges.at_work += [merging.claimed, merging.read_second, merging.drafted]
        merges.on_moved.append(merging.place_anew)
        joining.join()


def _opened(instances: Collection["Instance"]) -> set[uuid.UUID]:
    from reports.veil import opened

    return opened(instances)


def _site_changed(actor: "Actor", lesion: "Lesion") -> None:
    from reports.services.told import ask_again

    ask_again(actor, lesion)


def _moved(actor: "Actor", instance: "Instance", former_patient: uuid.UUID) -> None:
    from reports.services.amendments import flag_moved

    flag_moved(actor, instance, former_patient)


def _filed(study_ids: Collection[uuid.UUID]) -> None:
    from reports.services.waiting import refresh

    refresh(study_ids)


def _objection(instance: "Instance") -> "StrOrPromise | None":
    from reports.services.filed import objection_to_taking_back

    return objection_to_taking_back(instance)
