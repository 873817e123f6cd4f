from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        """What the audit is told: whose patient is called like them, which records are one."""
        from dermaclinic.audit import same_person, unusual
        from patients import namesakes
        from patients.merging import records

        unusual.rules.append(namesakes.rule)
        same_person.rules.append(records.periods)
