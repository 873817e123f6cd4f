from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "dermaclinic.audit"
    label = "audit"
    verbose_name = "Audit"
