"""No page asks more often where there is more to show.

Every address that reads, with some rows of everything and with three times as many. A page that is
new is here as soon as it stands in the permissions' table.
"""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import connection, reset_queries, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from bench.pages.addresses import Ask, asks, days, parts, sent
from demo.dermoscopy import draw
from dermaclinic import bell
from dermaclinic.accounts.models import Membership
from dermaclinic.accounts.tenancy import clinic_context
from tests import factories
from tests.imaging.taking import SPEC
from tests.pages.growing import grow
from tests.permissions.callers import Caller, with_session, with_token
from tests.permissions.scene import Scene
from tests.permissions.shapes import D

# Inside of the module's transaction; the first test waits for all pages.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
FEW, MANY = 2, 6


def _chosen() -> list[Ask]:
    """Each page once: as a doctor, who sees most, or else as the last of those who may read it."""
    by_page: dict[str, Ask] = {}
    for each in asks():
        page = f"{each.method} {each.path}"
        if page not in by_page or by_page[page].role != D:
            by_page[page] = each
    return list(by_page.values())


ASKS = _chosen()
# Made to be kept, and as long as they are: they fetch their rows in pieces.
LONG = [ask for ask in ASKS if ask.kind == "download"]

Counts = dict[tuple[int, str], list[str]]


@pytest.fixture(scope="module")
def counts(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Counts]:
    """The statements of each page by how many rows there were; nothing is ever committed."""
    changed = override_settings(
        VAULT_DIR=tmp_path_factory.mktemp("counts") / "vault",
        ACCOUNT_REAUTHENTICATION_TIMEOUT=24 * 3600,
    )
    drawing = draw(SPEC, seed=1)
    with django_db_blocker.unblock(), changed, mock.patch.object(bell, "ring_now"):
        with transaction.atomic():
            scene = Scene(factories.clinic("Counting Clinic"), drawing)
            callers = _callers(scene)
            found: Counts = {}
            for size in range(1, MANY + 1):
                with clinic_context(scene.clinic.pk):
                    grow(scene, drawing)
                if size in (FEW, MANY):
                    for ask in ASKS:
                        found[size, str(ask)] = _statements(scene, callers, ask, size == FEW)
            yield found
            transaction.set_rollback(True)


def _callers(scene: Scene) -> dict[tuple[str, str], Caller]:
    found = {}
    for role, actor in scene.people.items():
        member = Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)
        found[role, "page"] = found[role, "download"] = with_session(actor)
        found[role, "api"] = with_token(member)
    return found


def _statements(
    scene: Scene, callers: dict[tuple[str, str], Caller], ask: Ask, first: bool
) -> list[str]:
    """What one request asked of the database; the `first` comes after one that fills all caches."""
    names: dict[str, Any] = dict(days())
    for name in parts(ask) - names.keys():
        names[name] = getattr(scene, ask.row.at.get(name, name))
    path = "/" + ask.path.format(**names)
    data, kind = sent(ask, {"name": scene.name, "mrn": scene.mrn})
    for _time in range(1 + first):
        reset_queries()  # its log is finite
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            answer = callers[ask.role, ask.kind].ask(ask.method, path, data, kind, {})
            b"".join(answer) if answer.streaming else answer.content
            transaction.set_rollback(True)
    assert 200 <= answer.status_code < 300, (path, answer.status_code)
    return [each["sql"] for each in captured.captured_queries]


@pytest.mark.parametrize("ask", [str(each) for each in ASKS if each not in LONG])
def test_three_times_the_rows_are_not_one_query_more(counts: Counts, ask: str) -> None:
    few, many = counts[FEW, ask], counts[MANY, ask]
    more = [sql for sql in many if sql not in few]
    assert len(many) == len(few), "\n".join(more)


def test_what_is_long_is_asked_for_in_pieces(counts: Counts) -> None:
    """A download's statements are not one for each row either."""
    assert LONG
    for ask in LONG:
        few, many = counts[FEW, str(ask)], counts[MANY, str(ask)]
        assert len(many) <= len(few) + 2, ask
