"""The Celery application. Messages are bells without payload: PostgreSQL holds every fact."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermaclinic.settings.development")

app = Celery("dermaclinic")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"], related_name="tasks")
