from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        """Who is called like their patient stands out in the audit."""
        from dermaclinic.audit import unusual
        from patients import namesakes

        unusual.rules.append(namesakes.rule)
