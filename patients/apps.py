from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        """Who is called like their patient stands out in the audit; merged records are one there."""
        from dermaclinic.audit import same_person, unusual
        from patients import namesakes
        from patients.merging import records

        unusual.rules.append(namesakes.rule)
        same_person.rules.append(records.periods)
