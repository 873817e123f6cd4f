from django.apps import AppConfig
from django.core import checks


class ImagingConfig(AppConfig):
    name = "imaging"

    def ready(self) -> None:
        from imaging import key_checks

        checks.register(key_checks.system_check)
