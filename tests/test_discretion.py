"""The ear that listens to the whole suite (tests/discretion.py) hears what it should."""

import logging
from typing import Any

import pytest

from dermaclinic import bell
from dermaclinic.celery import app
from tests import factories
from tests.discretion import CELERY, Heard, listening

REACHED = {"phone": "+44 20 7946 0018", "identifier_system": "nhs", "identifier": "943 476 5919"}


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(
        technician, family_name="Musterfrau", given_name="Erika", mrn="M-4711", **REACHED
    )


@pytest.fixture
def spoken(heard: Heard, patient: Any) -> Any:
    """Say something as a logger does, and return what was made of it; the suite does not mind."""

    def say(*args: Any, **kwargs: Any) -> list[str]:
        logging.getLogger("patients.somewhere").warning(*args, **kwargs)
        offences = heard.offences()
        heard.lines.clear()
        return offences

    return say


@pytest.mark.parametrize(
    "told", ["Musterfrau", "Erika", "M-4711", "1970-01-01", "01.01.1970", "+44 20 7946 0018",
             "943 476 5919"],
)  # fmt: skip
def test_each_part_of_an_identity_is_heard(spoken: Any, told: str) -> None:
    (offence,) = spoken("Registered %s.", told)
    assert offence.startswith("patients.somewhere tells")
    assert spoken("Registered.", extra={"who": f"<{told}>"})
    (offence,) = spoken("Registered {'mrn': '%s'}", told)
    assert not spoken("Registered.")


def test_a_part_of_a_longer_word_is_nobody(spoken: Any) -> None:
    assert not spoken("Erikaceae and XM-47112 and Musterfrauen")


def test_a_traceback_is_heard(spoken: Any) -> None:
    with pytest.raises(ValueError, match="Musterfrau") as caught:
        raise ValueError("no such patient: Musterfrau")
    assert spoken("Failed.", exc_info=caught.value)


def test_a_logger_that_passes_nothing_on_is_heard(heard: Heard, patient: Any) -> None:
    logging.getLogger("django.server").warning('"POST /?q=%s"', "Musterfrau")
    offences = heard.offences()
    heard.lines.clear()
    assert offences and offences[0].startswith("django.server")


def test_a_message_to_a_worker_is_heard(heard: Heard, patient: Any) -> None:
    assert bell.ring_now(bell.RENDER)
    assert any(who.startswith(CELERY) for who, _ in heard.lines)
    assert not heard.offences()
    app.send_task("workers.nobody.listens", args=["Musterfrau"], queue="nowhere")
    offences = heard.offences()
    heard.lines.clear()
    assert offences and offences[0].startswith(CELERY)


def test_outside_of_the_ear_nothing_stays(heard: Heard) -> None:
    before = list(logging.getLogger().handlers)
    with listening(Heard()):
        assert len(logging.getLogger().handlers) == len(before) + 1
    assert logging.getLogger().handlers == before
