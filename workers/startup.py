"""What a worker looks at before it takes any work."""

from typing import Any

from celery import signals
from django.core.exceptions import ImproperlyConfigured

from imaging.key_checks import refuse_wrong_keys


@signals.worker_init.connect
def need_the_right_keys(**_kwargs: Any) -> None:
    """Without them each image would fail, one by one: rather end at once, with a sentence."""
    try:
        refuse_wrong_keys()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error  # Celery only logs other exceptions of receivers
