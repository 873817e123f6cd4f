"""The Celery application. Messages are bells without payload: PostgreSQL holds every fact."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermaclinic.settings.development")

app = Celery("dermaclinic")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"], related_name="tasks")


@worker_init.connect
def _refuse_wrong_keys(**_kwargs: Any) -> None:
    """A worker without the right keys would fail each image, one by one."""
    from imaging.key_checks import refuse_wrong_keys

    try:
        refuse_wrong_keys()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error  # Celery only logs other exceptions of receivers
