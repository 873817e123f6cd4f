"""A context in Python: what outlives it, what nests in it, what is asked before there is one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client, RequestFactory

from dermaclinic.accounts.tenancy import NoClinicContext, clinic_context, current_clinic
from dermaclinic.accounts.web import reading
from dermaclinic.audit.models import Event
from inference.models import Prediction
from patients.models import Patient
from tests import factories, opinions

pytestmark = pytest.mark.django_db


def setting() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.clinic', true)")
        return str(cursor.fetchone()[0] or "")


def test_a_response_that_streams_is_outside_of_the_context(technician: Any) -> None:
    """It runs when the view is done: an error, and not an empty page that looks like the truth."""
    factories.patient(technician)

    def lines() -> Iterator[str]:
        for each in Patient.objects.all():
            yield str(each.pk)

    @reading
    def view(request: Any) -> StreamingHttpResponse:
        return StreamingHttpResponse(lines())

    request = RequestFactory().get("/")
    request.user, request.actor = technician.user, technician
    with pytest.raises(NoClinicContext):
        list(view(request))


@pytest.mark.django_db(transaction=True)
def test_an_iterator_that_is_left_open_ends_with_the_context(technician: Any) -> None:
    for _ in range(3):
        factories.patient(technician)
    with clinic_context(technician.clinic_id):
        rest = Patient.objects.iterator(chunk_size=1)
        assert next(rest)
    with pytest.raises(psycopg2.ProgrammingError, match="isn't valid anymore"):
        next(rest)


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_used_again_after_an_error(technician: Any, stranger: Any) -> None:
    ours, theirs = factories.patient(technician, mrn="SAME"), factories.patient(stranger)
    with pytest.raises(IntegrityError), clinic_context(technician.clinic_id):
        Patient.objects.filter(pk=ours.pk).update(version=None)
    assert (current_clinic(), setting()) == (None, "")
    with pytest.raises(DatabaseError), clinic_context(technician.clinic_id):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
    with clinic_context(stranger.clinic_id):
        assert [each.pk for each in Patient.objects.all()] == [theirs.pk]
    assert setting() == ""


def test_an_error_inside_leaves_the_outer_context_as_it_was(technician: Any) -> None:
    patient = factories.patient(technician)
    with clinic_context(technician.clinic_id):
        with pytest.raises(IntegrityError), clinic_context(technician.clinic_id):
            Patient.objects.update(version=None)
        assert [each.pk for each in Patient.objects.all()] == [patient.pk]
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), clinic_context(technician.clinic_id):
            _ = 1 / 0
        assert setting() == ""
        with pytest.raises(NoClinicContext):
            Patient.objects.count()


def test_a_task_of_one_clinic_reads_and_writes_nothing_of_another(
    technician: Any, stranger: Any
) -> None:
    opinions.model()
    theirs = opinions.admit(stranger)
    opinions.admit(technician)
    with opinions.as_worker(), clinic_context(technician.clinic_id):
        assert Patient.objects.count() == 1
        assert not Patient.objects.filter(clinic=stranger.clinic_id).exists()
        # The queue is seen across clinics: that is how work is found.
        [waiting] = Prediction.objects.filter(instance_id=theirs.pk)
        assert waiting.status == "queued"
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Event.objects.create(
                clinic_id=stranger.clinic_id, at=waiting.requested_at, role="system",
                action="image.viewed", mac=b"", key_id="1",
            )  # fmt: skip


# -- before a context ------------------------------------------------------------------------------

TABLES = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?"?([a-z_]+)"?', re.IGNORECASE)
WORDS = {"set", "select", "skip"}  # FOR UPDATE SKIP LOCKED and the like
SESSION = {"django_session"}
MEMBER = {"accounts_user", "accounts_membership", "accounts_clinic"}
GUESSES = {"axes_accessattempt", "axes_accessattemptexpiration"}


@contextmanager
def tables_asked() -> Iterator[set[str]]:
    """The tables that are named in statements outside of every clinic's context."""
    found: set[str] = set()

    def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if current_clinic() is None:
            found.update(name for name in TABLES.findall(str(sql)) if name not in WORDS)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


def sign_in(client: Client, member: Any, password: str) -> Any:
    return client.post("/sign-in/", {"email": member.user.email, "password": password})


@pytest.mark.parametrize("path", ["/healthz", "/sign-in/", "/api/schema/", "/api/nothing/"])
def test_public_pages_ask_for_nothing(db: None, path: str) -> None:
    with tables_asked() as tables:
        assert Client().get(path).status_code in (200, 404)
    assert tables == set()


def test_a_page_asks_nothing_of_who_is_not_signed_in(db: None) -> None:
    with tables_asked() as tables:
        assert Client().get("/patients/").status_code == 302
    assert tables == set()


def test_a_dead_token_is_looked_up_and_nothing_else(clinic: Any) -> None:
    with tables_asked() as tables:
        answer = Client(headers={"authorization": "Token nonsense"}).get("/api/v1/worklist/")
        assert answer.status_code == 401
    assert tables <= {"accounts_apitoken", "accounts_membership", "accounts_user"} | {
        "accounts_clinic"
    }
    assert "accounts_apitoken" in tables


def test_signing_in_asks_who_where_and_how_often(clinic: Any) -> None:
    member = factories.membership(clinic, "doctor")
    with tables_asked() as tables:
        assert sign_in(Client(), member, factories.PASSWORD).status_code == 302
    assert tables <= MEMBER | SESSION | GUESSES | {"mfa_authenticator", "usersessions_usersession"}
    assert tables >= {"accounts_user", "accounts_membership", "django_session"}


def test_a_wrong_password_asks_no_more(clinic: Any) -> None:
    member = factories.membership(clinic, "doctor")
    with tables_asked() as tables:
        assert sign_in(Client(), member, "wrong").status_code == 400
    # The failure goes on record in each of the person's clinics.
    assert tables <= MEMBER | SESSION | GUESSES | {"audit_event"}


def test_a_members_page_asks_who_they_are_and_then_enters(technician: Any) -> None:
    from tests.pages.conftest import browser

    client = browser(technician)
    client.get("/patients/")
    with tables_asked() as tables:
        assert client.get("/patients/").status_code == 200
    own = {"mfa_authenticator", "usersessions_usersession", "accounts_userpreference"}
    assert tables <= MEMBER | SESSION | own
