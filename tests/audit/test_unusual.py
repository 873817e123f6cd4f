"""What stands out stands out for its reason, what is usual does not, and a look into it is kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, strategies as st

from dermaclinic import audit
from dermaclinic.accounts.actor import member_actor, system_actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import record, reviews, unusual
from dermaclinic.audit.flag_review import FlagReview
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden, Invalid
from patients import namesakes
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import browser

pytestmark = pytest.mark.django_db
ALWAYS = (1, 2, 3, 4, 5, 6, 7)


@pytest.fixture(autouse=True)
def _open_day_and_night(settings: Any) -> None:
    """The clinic is open, whenever these tests run."""
    settings.CLINIC_DAYS, settings.CLINIC_HOURS = ALWAYS, (0, 24)


def look(actor: Any, *patients: Any) -> None:
    with clinic_context(actor.clinic_id):
        for patient in patients:
            audit.viewed_patient(actor, patient)


def person(clinic: Any, name: str, role: str = "doctor") -> Any:
    return member_actor(factories.membership(clinic, role, full_name=name), address="192.0.2.7")


def found(actor: Any) -> list[tuple[str, str, int]]:
    flags = reviews.unusual(actor=actor).flags
    return sorted((flag.kind, flag.name, flag.accesses) for flag in flags)


def kept(actor: Any) -> list[FlagReview]:
    with clinic_context(actor.clinic_id):
        return list(FlagReview.objects.all())


def test_a_day_of_work_stands_out_in_nothing(administrator: Any, technician: Any) -> None:
    for number in range(6):
        patient = factories.patient(technician, family_name=f"Somebody{number}")
        look(technician, patient)
    assert found(administrator) == []


def test_ones_own_record_and_that_of_a_relative(clinic: Any, administrator: Any) -> None:
    ana = person(clinic, "Dr. Ana van Berg")
    own = factories.patient(ana, family_name="Van Berg", given_name="Ana", consent=False)
    relative = factories.patient(ana, family_name="van Berg", given_name="Tom", consent=False)
    other = factories.patient(ana, family_name="Berger", given_name="Ana", consent=False)
    look(ana, own, own, relative, other)
    look(person(clinic, "Bo Klein"), own)
    assert found(administrator) == [
        ("own-record", ana.name, 3),
        ("same-name", ana.name, 2),
    ]
    flags = {flag.kind: flag for flag in reviews.unusual(actor=administrator).flags}
    assert flags["own-record"].patient_id == own.pk
    assert "own record" in flags["own-record"].reason


def test_what_the_software_does_or_a_list_shows_is_nobodys_look(
    clinic: Any, administrator: Any, technician: Any
) -> None:
    ana = person(clinic, "Ana Berg")
    patient = factories.patient(technician, family_name="Berg", given_name="Ana")
    with clinic_context(clinic.pk):
        audit.searched_patients(ana, shown=[patient.pk], fields=["text"])
        job = system_actor(clinic.pk, task="render")
        record.write([record.event(job, "report.rendered", patient=patient.pk)])
    assert found(administrator) == []


def test_another_clinics_namesakes_are_not_seen(administrator: Any, other_clinic: Any) -> None:
    ana = person(other_clinic, "Ana Berg")
    look(ana, factories.patient(ana, family_name="Berg", given_name="Ana"))
    assert found(administrator) == []


@pytest.mark.parametrize(
    ("full_name", "given", "family", "own"),
    [
        ("Ana Berg", "Ana", "Berg", True),
        ("  dr. med.  ANA   BERG ", "ana", "berg", True),
        ("Berg, Ana", "Ana", "Berg", True),
        ("Ana van der Berg", "Ana", "van der Berg", True),
        ("Hana Berg", "Ana", "Berg", False),
        ("Ana Berg", "Bo", "Berg", False),
        ("Ana Berg", "", "Berg", False),
    ],
)
def test_names_are_read_in_every_way(full_name: str, given: str, family: str, own: bool) -> None:
    ways = [
        given_of_member
        for given_of_member, name in namesakes.splits(full_name)
        if name == family.lower()
    ]
    assert ways
    assert any(namesakes.is_own(each, given.lower()) for each in ways) is own


@given(st.text(max_size=40))
def test_no_name_breaks_the_reading(name: str) -> None:
    for given_names, family in namesakes.splits(name):
        assert family == " ".join(family.split())
        namesakes.is_own(given_names, family)


def test_out_of_hours_is_by_the_clinics_own_clock(
    administrator: Any, technician: Any, settings: Any
) -> None:
    look(technician, factories.patient(technician, consent=False))
    now = timezone.now()
    settings.CLINIC_HOURS = (now.hour, now.hour + 2)
    assert found(administrator) == []
    settings.CLINIC_TIME_ZONE = "Etc/GMT-12" if now.hour < 12 else "Etc/GMT+12"
    assert found(administrator) == [("out-of-hours", technician.name, 2)]
    settings.CLINIC_TIME_ZONE, settings.CLINIC_HOURS = "UTC", (0, 24)
    settings.CLINIC_DAYS = tuple(day for day in ALWAYS if day != now.isoweekday())
    (flag,) = reviews.unusual(actor=administrator).flags
    assert (flag.kind, flag.patients) == ("out-of-hours", 1)
    assert "UTC" in flag.reason


def test_many_different_records_in_an_hour(
    administrator: Any, technician: Any, doctor: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(unusual, "BULK", 6)
    several = [factories.patient(technician, consent=False) for _number in range(5)]
    look(doctor, *several, *several)  # ten looks, five patients
    assert found(administrator) == []
    look(doctor, factories.patient(technician, consent=False))
    flags = {flag.name: flag for flag in reviews.unusual(actor=administrator).flags}
    assert (flags[doctor.name].kind, flags[doctor.name].patients) == ("bulk", 6)
    assert "6 different records" in flags[doctor.name].reason


@pytest.mark.parametrize(
    ("patients", "hours", "stands_out"),
    [
        (unusual.BULK, [unusual.BULK], True),
        (20, [3, 4, 3, 5, 4, 20], True),
        (20, [10, 11, 12, 10, 20], False),  # such is this person's work
        (20, [3, 20], False),  # nobody knows the person's usual yet
        (12, [1, 1, 1, 1, 1, 12], False),  # twelve are few
    ],
)
def test_bulk_is_judged_by_the_persons_own_usual(
    patients: int, hours: list[int], stands_out: bool
) -> None:
    assert unusual.is_bulk(patients, hours) is stands_out


def test_many_refusals(administrator: Any, technician: Any) -> None:
    def refuse() -> None:
        audit.denied(technician, verb="view", obj=Event)

    for _time in range(unusual.DENIALS - 1):
        refuse()
    assert found(administrator) == []
    refuse()
    assert found(administrator) == [("denials", technician.name, unusual.DENIALS)]


@pytest.fixture
def flagged(clinic: Any, administrator: Any) -> reviews.Looked:
    """A doctor's look at a record of their own name."""
    ana = person(clinic, "Ana Berg")
    look(ana, factories.patient(ana, family_name="Berg", given_name="Ana", consent=False))
    (each,) = reviews.unusual(actor=administrator).found
    return each


def test_a_look_into_it_is_kept_and_takes_it_off_the_list(
    administrator: Any, flagged: reviews.Looked
) -> None:
    reviews.review(actor=administrator, token=flagged.token, note=" A namesake: asked her. ")
    again = reviews.unusual(actor=administrator)
    (each,) = again.found
    assert [review.note for review in each.reviews] == ["A namesake: asked her."]
    assert (again.open, each.new_since) == (0, 0)
    with clinic_context(administrator.clinic_id):
        event = Event.objects.get(action="audit.flag_reviewed")
        assert Event.objects.filter(action="audit.unusual_viewed").count() == 2
    assert event.object_id == str(each.reviews[0].pk)
    assert "namesake" not in str(event.detail)


def test_accesses_that_come_later_open_it_again(
    clinic: Any, administrator: Any, flagged: reviews.Looked
) -> None:
    reviews.review(actor=administrator, token=flagged.token, note="Asked.")
    with clinic_context(clinic.pk):
        patient_id = Event.objects.get(action="patient.registered").patient_id
        actor = member_actor(factories.membership(clinic, "technician"))
        late = record.event(actor, "patient.viewed", patient=patient_id)
        late.actor_id = flagged.flag.person
        record.write([late])
    again = reviews.unusual(actor=administrator)
    assert (again.open, again.found[0].new_since) == (1, 1)


def test_a_note_says_something_about_a_flag_of_this_clinic(
    administrator: Any, other_clinic: Any, flagged: reviews.Looked
) -> None:
    elsewhere = factories.actor(other_clinic, "administrator")
    forged = signing.dumps({"clinic": str(administrator.clinic_id)}, salt="another")
    for actor, token, note in (
        (administrator, flagged.token, "  "),
        (administrator, forged, "Fine."),
        (administrator, "rubbish", "Fine."),
        (elsewhere, flagged.token, "Fine."),
    ):
        with pytest.raises(Invalid):
            reviews.review(actor=actor, token=token, note=note)
    assert kept(administrator) == kept(elsewhere) == []


def test_nobody_looks_into_their_own_accesses(clinic: Any, administrator: Any) -> None:
    for _time in range(unusual.DENIALS):
        audit.denied(administrator, verb="view", obj=Event)
    (each,) = reviews.unusual(actor=administrator).found
    assert each.own
    with pytest.raises(Forbidden):
        reviews.review(actor=administrator, token=each.token, note="All well.")
    with (
        pytest.raises(DatabaseError, match="nobody_reviews_their_own_access"),
        clinic_context(clinic.pk),
    ):
        FlagReview.objects.create(
            clinic=clinic, kind="denials", person=administrator.user, begins=timezone.now(),
            accesses=1, note="All well.", reviewed_by=administrator.user,
        )  # fmt: skip
    assert kept(administrator) == []
    another = factories.actor(clinic, "administrator")
    reviews.review(actor=another, token=each.token, note="Asked him.")
    assert len(kept(administrator)) == 1


@pytest.mark.parametrize("role", ["web", "owner"])
@pytest.mark.parametrize("sql", ["UPDATE audit_flagreview SET note = 'x'", "DELETE FROM {}"])
def test_a_review_is_never_changed(
    administrator: Any, flagged: reviews.Looked, role: str, sql: str
) -> None:
    reviews.review(actor=administrator, token=flagged.token, note="Asked.")
    with clinic_context(administrator.clinic_id):
        with (
            pytest.raises(DatabaseError, match=r"never changed|permission denied"),
            transaction.atomic(),
            acting_as(role),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql.format("audit_flagreview"))
    assert [review.note for review in kept(administrator)] == ["Asked."]


def test_only_administrators(technician: Any, doctor: Any, flagged: reviews.Looked) -> None:
    for actor in (technician, doctor):
        with pytest.raises(Forbidden):
            reviews.unusual(actor=actor)
        with pytest.raises(Forbidden):
            reviews.review(actor=actor, token=flagged.token, note="Fine.")
        assert browser(actor).get(reverse("audit:unusual")).status_code == 403
    assert kept(doctor) == []


def test_no_more_than_a_quarter_at_a_time(administrator: Any) -> None:
    today = timezone.localdate()
    with pytest.raises(Invalid):
        reviews.unusual(
            actor=administrator, since=today - timedelta(days=reviews.LONGEST), until=today
        )
    shown = browser(administrator).get(reverse("audit:unusual"), {"since": "2020-01-01"})
    assert b"at most" in shown.content
    assert shown.status_code == 200


def test_the_page_and_its_form(administrator: Any, clinic: Any, flagged: reviews.Looked) -> None:
    client: Client = browser(administrator)
    page = client.get(reverse("audit:unusual")).content.decode()
    assert flagged.flag.name in page
    assert "1 to look into" in page
    assert "own record" in page
    post = reverse("audit:looked-into")
    sent = {"token": flagged.token, "note": "Asked <b>her</b>.", "since": "", "until": ""}
    after = client.post(post, sent, follow=True).content.decode()
    assert "Asked &lt;b&gt;her&lt;/b&gt;." in after
    assert "0 to look into" in after
    client.post(post, sent | {"note": ""})
    assert len(kept(administrator)) == 1


def test_many_flags_cost_as_many_queries_as_few(
    administrator: Any, clinic: Any, flagged: reviews.Looked
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            reviews.unusual(actor=administrator)
        return len(queries)

    few = cost()
    for number in range(5):
        ana = person(clinic, f"Ana Namesake{number}")
        patient = factories.patient(
            ana, family_name=f"Namesake{number}", given_name="Ana", consent=False
        )
        look(ana, patient)
    assert len(reviews.unusual(actor=administrator).found) == 6
    assert cost() == few


def test_more_than_a_page_holds_is_said(
    administrator: Any, clinic: Any, flagged: reviews.Looked, monkeypatch: Any
) -> None:
    monkeypatch.setattr(namesakes, "MOST", 1)
    monkeypatch.setattr(unusual, "MOST", 1)
    assert not reviews.unusual(actor=administrator).cut
    bo = person(clinic, "Bo Berg")
    look(bo, factories.patient(bo, family_name="Berg", given_name="Bo", consent=False))
    assert reviews.unusual(actor=administrator).cut
