"""The inference worker: one process, Celery's solo pool, the queue `inference`.

`drain` carries nothing: it means that there may be work, and PostgreSQL says which.
"""

import logging
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from typing import Any

from celery import signals
from celery.worker import state
from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q

from dermaclinic import bell
from dermaclinic.celery import app
from inference.models import ModelVersion
from inference.services import queue
from workers import serving
from workers.lease import Watchdog
from workers.pipeline import Pipeline

log = logging.getLogger(__name__)

QUEUE = "inference"
_watchdog = Watchdog()


@app.task(name=bell.INFERENCE)
def drain() -> None:
    """Answer what is queued until nothing is, or until this process is to stop."""
    desk = _desk()
    desk.submit(close_old_connections).result()
    while not _stopping():
        waiting = desk.submit(queue.waiting_models).result()
        if sum(_serve(model) for model in waiting) == 0:
            return


def _serve(model: ModelVersion) -> int:
    """Run a round of a model's batches; their number, 0 when the model cannot answer."""
    if (engine := serving.engine_for(model)) is None:
        return 0
    return Pipeline(
        model,
        engine,
        desk=_desk(),
        readers=_readers(),
        watchdog=_watchdog,
        stopping=_stopping,
    ).run()


def _stopping() -> bool:
    """Solo stops only between tasks, so we look between batches."""
    return state.should_stop is not None or state.should_terminate is not None


@cache
def _desk() -> Executor:
    """The thread that talks to PostgreSQL; its connection outlives a task, unlike Celery's."""
    return ThreadPoolExecutor(1, thread_name_prefix="desk")


@cache
def _readers() -> Executor:
    return ThreadPoolExecutor(settings.INFERENCE_READERS, thread_name_prefix="reader")


@signals.worker_init.connect
def check_pool(sender: Any, **_: Any) -> None:
    """A forked pool would hang in TensorFlow: refuse it before it starts."""
    if _consumes_inference(sender.app) and "solo" not in str(
        getattr(sender.pool_cls, "__module__", sender.pool_cls)
    ):
        raise SystemExit("The queue `inference` needs `--pool solo`: start one worker per core.")


@signals.worker_ready.connect
def warm_up(sender: Any, **_: Any) -> None:
    """Load the models that read before the first bell, then answer what has queued up meanwhile."""
    if not _consumes_inference(sender.app):
        return
    reading = ModelVersion.objects.filter(Q(active=True) | Q(shadow=True)).order_by("-active")
    models = _desk().submit(list, reading).result()
    if not any(model.active for model in models):
        log.warning("No model is active: register one with `manage.py register_model --activate`.")
    for model in models:
        serving.engine_for(model)
    bell.ring_now(bell.INFERENCE)


def _consumes_inference(celery: Any) -> bool:
    return QUEUE in celery.amqp.queues.consume_from
