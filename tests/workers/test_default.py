"""The chores: the sweep rings for what waits, and the vault keeps what somebody refers to."""

import os
import time
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.utils import timezone

from dermaclinic import bell
from imaging.storage import vault
from imaging.vault import LocalVault
from reports.services import rendering
from tests import opinions
from tests.opinions import as_worker
from workers import default

TWO_DAYS = 2 * 86400
NOBODYS = "ab" * 32


@pytest.fixture
def rung(monkeypatch: Any) -> list[str]:
    bells: list[str] = []
    monkeypatch.setattr(bell, "ring_now", bells.append)
    return bells


def age_everything() -> None:
    store = vault()
    assert isinstance(store, LocalVault)
    long_ago = time.time() - TWO_DAYS
    for file in store.directory.glob("??/??/*"):
        os.utime(file, (long_ago, long_ago))


@pytest.mark.django_db
def test_with_nothing_to_do_no_bell_rings(rung: list[str]) -> None:
    with as_worker():
        default.sweep()
    assert rung == []


def test_the_sweep_rings_for_what_is_queued(technician: Any, rung: list[str]) -> None:
    opinions.model()
    opinions.admit(technician)
    with as_worker():
        default.sweep()
    assert rung == [bell.INFERENCE]


@pytest.mark.django_db
def test_the_sweep_rings_for_reports(rung: list[str]) -> None:
    with as_worker(), mock.patch.object(rendering, "anything_waiting", return_value=True):
        default.sweep()
    assert rung == [bell.RENDER]


def test_a_long_queue_of_reports_is_continued_by_another_task(rung: list[str]) -> None:
    with mock.patch.object(rendering, "render_pending", return_value=4) as render:
        default.render_reports()
    assert render.call_count * 4 >= default.REPORTS_A_TASK
    assert rung == [bell.RENDER]
    with mock.patch.object(rendering, "render_pending", side_effect=[4, 1, 0]):
        default.render_reports()
    assert rung == [bell.RENDER]


def test_the_vault_loses_only_what_nobody_refers_to(technician: Any, stranger: Any) -> None:
    opinions.admit(technician)
    opinions.admit(stranger)
    kept = set(vault().names())
    vault().put(NOBODYS, b"left by an admission that failed late")
    age_everything()
    with as_worker():
        default.sweep_vault()
    assert set(vault().names()) == kept


def test_what_is_young_may_still_be_claimed(technician: Any) -> None:
    vault().put(NOBODYS, b"an admission that is under way")
    with as_worker():
        default.sweep_vault()
    assert vault().exists(NOBODYS)


@pytest.mark.django_db
def test_sessions_that_have_ended_are_deleted_and_no_other_is_read() -> None:
    now = timezone.now()
    for key, minutes in (("ended", -1), ("lasting", 1)):
        expires = now + timedelta(minutes=minutes)
        Session.objects.create(session_key=key, session_data="x", expire_date=expires)
    with as_worker():
        default.sweep_sessions()
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            Session.objects.values_list("session_key", flat=True).get()
    assert Session.objects.get().session_key == "lasting"


def test_beat_knows_every_chore(settings: Any) -> None:
    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert wanted == {name for name in default.app.tasks if name in wanted}
    assert default.sweep_sessions.name in wanted
