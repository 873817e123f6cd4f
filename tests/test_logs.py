"""What the database says of an error reaches the log without anybody's values."""

import io
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.test import Client

from dermaclinic.accounts import invitations
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.logs import WithoutValues
from patients.models import Patient
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import browser

NAME, MRN = "Zacharias-Muster", "M-4711"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger that writes as the console does."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(WithoutValues())
    handler.setFormatter(logging.Formatter(settings.LOGGING["formatters"]["line"]["format"]))
    logger = logging.getLogger(f"test.{uuid4()}")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, out
    logger.removeHandler(handler)


def duplicate(actor: Any) -> IntegrityError:
    """The error that a second patient with the same record number gives, with its values: behind
    row-level security PostgreSQL withholds them itself, but not from everybody, nor of each table.
    """
    patient = factories.patient(actor, mrn=MRN, family_name=NAME)
    fields = {"birth_date": patient.birth_date, "sex": "female", "given_name": "Eva"}
    with (
        pytest.raises(IntegrityError) as caught,
        clinic_context(actor.clinic_id),
        acting_as("owner"),
    ):
        Patient.objects.create(clinic_id=actor.clinic_id, mrn=MRN, family_name=NAME, **fields)
    assert MRN in str(caught.value), "or there is nothing to withhold"
    return caught.value


def test_a_logged_traceback_names_the_rule_and_not_the_row(technician: Any, log: Any) -> None:
    logger, out = log
    logger.error("Internal Server Error: /patients/", exc_info=duplicate(technician))
    text = out.getvalue()
    assert MRN not in text
    for part in ("mrn_is_unique_in_a_clinic", "23505", "patients_patient", "test_logs.py"):
        assert part in text


def test_a_failing_row_is_not_shown(technician: Any, log: Any) -> None:
    logger, out = log
    fields = {"birth_date": "1950-12-24", "sex": "sphinx", "given_name": "Eva", "mrn": MRN}
    with (
        pytest.raises(IntegrityError) as caught,
        clinic_context(technician.clinic_id),
        acting_as("owner"),
    ):
        Patient.objects.create(clinic_id=technician.clinic_id, family_name=NAME, **fields)
    assert NAME in str(caught.value)
    logger.error("Refused.", exc_info=caught.value)
    text = out.getvalue()
    assert "patient_sex_is_known" in text
    assert not [value for value in (NAME, MRN, "1950-12-24", "sphinx") if value in text]


@pytest.mark.django_db
def test_a_value_that_the_database_cannot_read_is_not_repeated(log: Any) -> None:
    logger, out = log
    with pytest.raises(DataError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::date", [NAME])
    assert NAME in str(caught.value)
    logger.warning("Could not: %s", caught.value)
    logger.error("Could not.", exc_info=caught.value)
    assert NAME not in out.getvalue()
    assert "22007" in out.getvalue()


@pytest.mark.parametrize("written", [str, repr])
def test_text_that_somebody_made_of_an_error_is_cut(
    technician: Any, log: Any, written: Any
) -> None:
    """As Celery does: `Task … raised unexpected: IntegrityError('…')`."""
    logger, out = log
    logger.error("Task %(name)s raised unexpected: %(exc)s",
                 {"name": "sweep", "exc": written(duplicate(technician))})  # fmt: skip
    assert MRN not in out.getvalue()
    assert "mrn_is_unique_in_a_clinic" in out.getvalue()
    assert "sweep" in out.getvalue()


def test_an_error_behind_another_is_found(technician: Any, log: Any) -> None:
    logger, out = log
    behind = duplicate(technician)
    try:
        raise RuntimeError("The import ended early.") from behind
    except RuntimeError:
        logger.exception("Ended.")
    assert "The import ended early." in out.getvalue()
    assert "mrn_is_unique_in_a_clinic" in out.getvalue()
    assert MRN not in out.getvalue()


def test_everything_else_stays_as_it_was(log: Any) -> None:
    logger, out = log
    logger.info("%d objects removed from %s", 3, "the vault")
    try:
        raise OperationalError("connection to server failed: Connection refused")
    except OperationalError:
        logger.exception("No database")
    try:
        {}["missing"]
    except KeyError:
        logger.exception("No key")
    text = out.getvalue()
    for part in ("3 objects removed from the vault", "Connection refused", "KeyError: 'missing'"):
        assert part in text


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the console's own handler writes."""
    out = io.StringIO()
    handler = next(
        each
        for each in logging.getLogger().handlers
        if type(each) is logging.StreamHandler and each.filters
    )
    monkeypatch.setattr(handler, "stream", out)
    return out


def test_a_refused_invitation_leaves_no_secret_in_the_log(
    administrator: Any, console: io.StringIO
) -> None:
    """The token still opens the place: `Bad Request: /invitation/…` must not hand it on."""
    _made, token = invitations.invite(
        actor=administrator, email="new.person@clinic.example", role="technician"
    )
    path = f"/invitation/{administrator.clinic_id}/{token}/"
    assert Client().post(path, {"full_name": "", "password": "short"}).status_code == 400
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert Client().get(f"{path}more").status_code == 404
    assert Client().get(path).status_code == 200, "it is a living one"
    text = console.getvalue()
    for kind in ("Bad Request", "Forbidden", "Not Found"):
        assert f"/invitation/{administrator.clinic_id}/…" in text and kind in text
    assert token not in text


def test_every_handler_of_the_settings_has_the_filter() -> None:
    for name, handler in settings.LOGGING["handlers"].items():
        assert "without_values" in handler["filters"], name
    assert logging.getLogger("django").handlers == []
    assert any(isinstance(each, WithoutValues)
               for handler in logging.getLogger().handlers for each in handler.filters)  # fmt: skip


def test_a_page_that_fails_writes_no_values(
    technician: Any, monkeypatch: pytest.MonkeyPatch, console: io.StringIO
) -> None:
    """The whole way: a view raises, Django logs, the console shows it."""
    error = duplicate(technician)

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise error

    monkeypatch.setattr("patients.selectors.search", broken)
    client = browser(technician)
    client.raise_request_exception = False
    assert client.post("/patients/", {"q": "some"}).status_code == 500
    assert "Internal Server Error" in console.getvalue()
    assert "mrn_is_unique_in_a_clinic" in console.getvalue()
    assert MRN not in console.getvalue()
