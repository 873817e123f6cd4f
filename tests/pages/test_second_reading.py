"""The pages of second readings: the list, reading one, and deciding together."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dermaclinic.accounts.tenancy import clinic_context
from reports.diagnoses import DIAGNOSES
from reports.models import Assessment, Consensus, ConsensusProposal, SecondReading
from reports.second_reading import consensus, services
from reports.services.composing import compose
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import browser
from tests.reports import scenes, second
from tests.reports.scenes import MELANOMA, NEVUS

pytestmark = pytest.mark.django_db
LIST = "/reports/second-readings/"
ANSWER = {"diagnosis_1": MELANOMA, "management": "excise", "comment": "Blue veil."}
PROPOSAL = {"diagnosis_1": MELANOMA, "management": "refer", "reason": "Looked at together."}


@pytest.fixture(autouse=True)
def _rules(clinic: Any) -> None:
    second.rules(clinic, blinded_first=False)


@pytest.fixture
def other(clinic: Any) -> Any:
    return factories.actor(clinic, "doctor")


@pytest.fixture
def others(other: Any) -> Client:
    return browser(other)


def at(name: str, row: Any) -> str:
    return reverse(f"reports:{name}", args=[row.pk])


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_an_empty_list_says_where_they_come_from(others: Client) -> None:
    text = text_of(others.get(LIST))
    assert "No lesion waits for you to read it a second time." in text
    assert "new ones appear here as colleagues record them" in text


def test_the_oldest_stands_first_and_those_of_others_are_counted(
    doctor: Any, doctors: Client, others: Client
) -> None:
    rows = [second.waiting(doctor) for _each in range(3)]
    text = text_of(others.get(LIST))
    places = [text.index(f"second-{each.pk}") for each in rows]
    assert places == sorted(places)
    assert "3 more wait for another doctor" in text_of(doctors.get(LIST))


def test_claim_read_and_compare(doctor: Any, other: Any, others: Client, rows: Any) -> None:
    reading = second.waiting(doctor)
    answer = others.post(at("second-reading-claim", reading))
    assert answer.url == at("second-reading", reading)
    page = text_of(others.get(answer.url))
    assert "Record the second reading" in page
    answer = others.post(at("second-reading-record", reading), ANSWER, follow=True)
    page = text_of(answer)
    assert "it agrees with the first" in page
    for said in (
        "First reading", "Second reading", "Opinion", "By its network.", "Blue veil.",
        factories.user(doctor).full_name, factories.user(other).full_name, "Urgent", "70",
    ):  # fmt: skip
        assert said in page
    [stored] = rows(SecondReading)
    assert (stored.outcome, stored.closed_why, stored.comment) == ("agrees", "agreed", "Blue veil.")


def test_only_claiming_stays_in_the_list_and_can_be_given_back(
    doctor: Any, others: Client, clinic: Any
) -> None:
    reading = second.waiting(doctor)
    assert others.post(at("second-reading-claim", reading), {"next": LIST}).url == LIST
    assert "Yours until" in text_of(others.get(LIST))
    third = browser(factories.actor(clinic, "doctor"))
    text = text_of(third.get(LIST))
    assert "until" in text and at("second-reading-claim", reading) not in text
    assert "is reading it." in text_of(third.get(at("second-reading", reading)))
    again = text_of(others.post(at("second-reading-release", reading), follow=True))
    assert "free for others again" in again
    assert f'action="{at("second-reading-claim", reading)}"' in again, "and its undo"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"diagnosis_1": ""}, "Give one to three diagnoses"),
        ({"diagnosis_2": MELANOMA}, "Give each diagnosis once."),
        ({"management": ""}, "Say what is to be done with the lesion."),
        ({"management": "monitor"}, "Say until when the lesion is to be monitored."),
    ],
)
def test_a_refusal_keeps_what_was_entered(
    doctor: Any, other: Any, others: Client, rows: Any, changes: dict[str, str], said: str
) -> None:
    reading = second.claimed(doctor, other)
    answer = others.post(at("second-reading-record", reading), ANSWER | changes)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "Blue veil." in text_of(answer)
    assert [each.read_at for each in rows(SecondReading)] == [None]


def test_what_changed_meanwhile_is_said_and_nothing_is_told(
    doctor: Any, other: Any, others: Client
) -> None:
    reading = second.claimed(doctor, other)
    scenes.assess(
        doctor, reading.study, reading.lesion, NEVUS, management="discharge", reason="Daylight."
    )
    answer = others.post(at("second-reading-record", reading), ANSWER)
    assert "The first reading has changed meanwhile" in text_of(answer)
    assert "Daylight." not in text_of(answer)
    assert "By its network." not in text_of(answer)


def lapse(reading: SecondReading) -> None:
    with clinic_context(reading.clinic_id), acting_as("owner"):
        SecondReading.objects.update(claim_expires_at=Now() - timedelta(seconds=1))


def test_what_was_typed_outlives_the_claim(
    doctor: Any, other: Any, others: Client, rows: Any
) -> None:
    reading = second.claimed(doctor, other)
    lapse(reading)
    typed = ANSWER | {"management": "monitor"}
    answer = others.post(at("second-reading-record", reading), typed)
    assert answer.status_code == 422
    text = text_of(answer)
    assert "Your reading is not stored" in text
    assert "Say until when the lesion is to be monitored." in text
    assert str(DIAGNOSES[MELANOMA].display) in text[text.index("kept-title") :]
    assert "readonly>\nBlue veil.</textarea>" in text or "readonly>Blue veil.</textarea>" in text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
    assert typed.items() <= hidden.items()
    answer = others.post(at("second-reading-claim", reading), hidden)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert {name: form[name].value() for name in typed} == typed
    assert "Record the second reading" in text_of(answer)
    others.post(at("second-reading-record", reading), typed | {"management": "excise"})
    assert [each.comment for each in rows(SecondReading)] == ["Blue veil."]


def test_what_was_typed_is_shown_when_it_is_not_to_be_read_any_more(
    doctor: Any, other: Any, others: Client, clinic: Any
) -> None:
    reading = second.claimed(doctor, other)
    lapse(reading)
    third = factories.actor(clinic, "doctor")
    services.claim(actor=third, reading_id=reading.pk)
    answer = others.post(at("second-reading-claim", reading), ANSWER | {"kept": "1"})
    assert answer.status_code == 409
    assert "Blue veil." in text_of(answer)
    second.read(third, reading)
    superseded = second.claimed(doctor, other)
    scenes.assess(
        doctor, superseded.study, superseded.lesion, NEVUS, management="discharge", reason="Light."
    )
    for each, said in ((reading, "has been done already"), (superseded, "has changed meanwhile")):
        text = text_of(others.post(at("second-reading-record", each), ANSWER))
        kept = text[text.index("Your reading is not stored") :]
        assert said in kept
        assert "Blue veil." in kept
        assert "Copy what you need." in kept
        assert at("second-reading-claim", each) not in text


def test_the_first_reader_is_told_to_leave_it(doctor: Any, doctors: Client) -> None:
    reading = second.waiting(doctor)
    assert "You have read this lesion first" in text_of(doctors.get(at("second-reading", reading)))
    text = text_of(doctors.post(at("second-reading-claim", reading), follow=True))
    assert "Another doctor reads it second." in text


def test_who_may_not(
    doctor: Any, at_desk: Client, administrators: Client, strangers: Client
) -> None:
    reading = second.waiting(doctor)
    for page in (at_desk, administrators):
        assert page.get(LIST).status_code == 403
        assert page.get(at("second-reading", reading)).status_code == 403
    assert strangers.get(at("second-reading", reading)).status_code == 404
    assert strangers.post(at("second-reading-claim", reading)).status_code == 404
    assert str(reading.pk) not in text_of(strangers.get(LIST))


# ---- deciding together ----


@pytest.fixture
def dispute(doctor: Any, other: Any) -> SecondReading:
    return second.disputed(doctor, other)


def test_propose_and_agree(
    doctors: Client, others: Client, dispute: SecondReading, rows: Any
) -> None:
    here = at("second-reading", dispute)
    assert "Two readings differ" in text_of(doctors.get(LIST))
    assert "Nobody has proposed anything yet." in text_of(doctors.get(here))
    text = text_of(doctors.post(at("consensus-propose", dispute), PROPOSAL, follow=True))
    assert "Your proposal stands." in text
    [proposal] = rows(ConsensusProposal)
    assert f'action="{at("consensus-withdraw", proposal)}"' in text
    assert at("consensus-agree", proposal) not in text, "nobody agrees with themselves"
    text = text_of(others.get(here))
    assert at("consensus-agree", proposal) in text
    assert "Looked at together." in text
    text = text_of(others.post(at("consensus-agree", proposal), follow=True))
    assert "Decided." in text
    assert "The consensus" in text
    [made] = rows(Consensus)
    assert made.proposal_id == proposal.pk
    assert [each.version for each in rows(Assessment)] == [2, 1]
    assert "Two readings differ" not in text_of(doctors.get(LIST))


def test_a_proposal_can_be_withdrawn(doctors: Client, dispute: SecondReading, rows: Any) -> None:
    doctors.post(at("consensus-propose", dispute), PROPOSAL)
    [proposal] = rows(ConsensusProposal)
    text = text_of(doctors.post(at("consensus-withdraw", proposal), follow=True))
    assert "Your proposal is withdrawn." in text
    assert "Nobody has proposed anything yet." in text


def test_a_refused_proposal_keeps_what_was_entered(
    doctors: Client, dispute: SecondReading, rows: Any
) -> None:
    answer = doctors.post(at("consensus-propose", dispute), PROPOSAL | {"management": "monitor"})
    assert answer.status_code == 422
    assert "Looked at together." in text_of(answer)
    assert "Say until when the lesion is to be monitored." in text_of(answer)
    assert rows(ConsensusProposal) == []


def test_a_third_doctor_is_asked_and_no_longer(
    doctors: Client, dispute: SecondReading, clinic: Any
) -> None:
    third = browser(factories.actor(clinic, "doctor"))
    here = at("second-reading", dispute)
    assert "The two readers decide this." in text_of(third.get(here))
    text = text_of(doctors.post(at("consensus-third", dispute), follow=True))
    assert "Decide alone again" in text
    assert "You may decide as a third doctor" in text_of(third.get(here))
    text = text_of(doctors.post(f"{at('consensus-third', dispute)}?back", follow=True))
    assert "Ask a third doctor" in text
    assert "The two readers decide this." in text_of(third.get(here))


def test_a_report_says_what_is_not_over(doctor: Any, doctors: Client, other: Any) -> None:
    reading = second.waiting(doctor)
    draft = compose(actor=doctor, assessment_ids=[reading.first_id])
    page = reverse("reports:report", args=[draft.pk])
    assert "a second doctor is still to read it." in text_of(doctors.get(page))
    assert "You may sign now." in text_of(doctors.get(page))
    services.claim(actor=other, reading_id=reading.pk)
    second.read(other, reading, NEVUS, management="discharge")
    text = text_of(doctors.get(page))
    assert "two doctors read it differently" in text
    assert at("second-reading", reading) in text
    consensus.agree(actor=other, proposal_id=second.proposed(doctor, reading).pk)
    assert "read it differently" not in text_of(doctors.get(page))


def test_the_worklist_leads_there(doctors: Client) -> None:
    assert f'href="{LIST}"' in text_of(doctors.get(reverse("reports:worklist")))


def test_more_rows_cost_no_more_queries(doctor: Any, other: Any, others: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert others.get(LIST, headers={"X-Background": "true"}).status_code == 200
        return len(captured)

    second.waiting(doctor)
    second.disputed(doctor, other)
    few = queries()
    for _each in range(2):
        second.waiting(doctor)
        second.disputed(doctor, other)
    assert queries() == few
    with clinic_context(doctor.clinic_id):
        assert SecondReading.objects.count() == 6
