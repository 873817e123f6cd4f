from django.apps import AppConfig
from django.core import checks


class ImagingConfig(AppConfig):
    name = "imaging"

    def ready(self) -> None:
        from imaging import key_checks, merging
        from patients.merging import steps

        checks.register(key_checks.system_check)
        steps.colliding.append(merging.held_twice)
        steps.notes.append(merging.in_both)
