"""A second reading is blind: what bars a doctor from it, and what it keeps a doctor out of."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dermaclinic import audit
from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict
from imaging import selectors as imaging
from imaging.models import Instance
from patients import selectors as patients
from reports import selectors
from reports.models import SecondReading
from reports.second_reading import services
from reports.second_reading.selectors import listing, reading_page
from tests import factories
from tests.api.calling import as_member
from tests.database import acting_as
from tests.pages.conftest import browser
from tests.patients.merging import merge, undo
from tests.reports import scenes, second

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rules(clinic: Any) -> None:
    second.rules(clinic, blinded_first=False)


@pytest.fixture
def other(clinic: Any) -> Any:
    return factories.actor(clinic, "doctor")


def offered(actor: Any) -> list[Any]:
    return [row.reading.pk for row in listing(actor).rows]


# ---- who has seen something ----


def test_it_is_offered_to_who_has_seen_nothing(doctor: Any, other: Any) -> None:
    reading = second.waiting(doctor)
    assert offered(other) == [reading.pk]
    assert (offered(doctor), listing(doctor).for_others) == ([], 1)


LOOKS = {
    "the review": lambda actor, reading: selectors.review(actor, reading.study_id),
    "the visit": lambda actor, reading: imaging.visit(actor=actor, study_id=reading.study_id),
    "the record": lambda actor, reading: patients.record(
        actor=actor, patient_id=reading.patient_id
    ),
    "the image's page": lambda actor, reading: imaging.instance(
        actor=actor, instance_id=reading.first.images[0]
    ),
    "the opinion": lambda actor, reading: as_member(actor).get(
        f"/api/v1/predictions/{reading.first.opinion_id}/"
    ),
    "the assessment": lambda actor, reading: as_member(actor).get(
        f"/api/v1/assessments/{reading.first_id}/"
    ),
}


@pytest.mark.parametrize("what", LOOKS)
def test_who_has_looked_is_barred(doctor: Any, other: Any, what: str) -> None:
    reading = second.waiting(doctor)
    LOOKS[what](other, reading)
    assert offered(other) == []
    with pytest.raises(Conflict, match="You have opened this patient's record since the visit"):
        services.claim(actor=other, reading_id=reading.pk)
    assert second.asked(doctor)[0].claimed_by is None


def test_photographs_bar_nobody(doctor: Any, other: Any) -> None:
    reading = second.waiting(doctor)
    for which in ("thumbnail", "image"):
        imaging.rendition(actor=other, instance_id=reading.first.images[0], which=which)
    with clinic_context(other.clinic_id):
        image = Instance.objects.select_related("study").get(pk=reading.first.images[0])
        audit.preloaded_study(other, image.study)
        audit.preloaded_image(other, image)
    assert offered(other) == [reading.pk]


def test_a_look_before_the_visit_bars_nobody(doctor: Any, other: Any, clinic: Any) -> None:
    scenes.model()
    study, [lesion], _images = scenes.visit(doctor)
    patients.record(actor=other, patient_id=study.patient_id)
    later = factories.study(doctor, study.patient)
    picture = scenes.image(doctor, later, lesion)
    scenes.finish(doctor, picture, first={"mel": 0.7})
    scenes.assess(doctor, later, lesion, scenes.MELANOMA, management="excise")
    [reading] = second.asked(doctor)
    assert offered(other) == [reading.pk]


def test_who_looked_after_claiming_stores_nothing(doctor: Any, other: Any, clinic: Any) -> None:
    """The claim lapses, the record opens, and the reading is not theirs any more."""
    reading = second.claimed(doctor, other)
    with clinic_context(clinic.pk), acting_as("owner"):
        SecondReading.objects.update(claim_expires_at=Now() - timedelta(seconds=1))
    selectors.review(other, reading.study_id)
    with pytest.raises(Conflict, match="You have opened this patient's record"):
        second.read(other, reading)
    [stored] = second.asked(doctor)
    assert (stored.read_at, stored.diagnoses) == (None, [])
    assert scenes.events(other, "second_reading.recorded") == 0


def test_who_compared_the_readings_is_no_second_reader_of_the_next(
    doctor: Any, other: Any, clinic: Any
) -> None:
    third = factories.actor(clinic, "doctor")
    reading = second.claimed(doctor, other)
    second.read(other, reading)
    assert reading_page(third, reading.pk).state == "compared"
    scenes.assess(
        doctor, reading.study, reading.lesion, scenes.MELANOMA, management="refer", reason="Large."
    )
    *_old, again = second.asked(doctor)
    assert (again.waiting, offered(third), offered(other)) == (True, [], [])


@pytest.mark.parametrize("looked", ["before the merge", "while merged", "while merged, undone"])
def test_a_merge_makes_nobody_blind_again(
    doctor: Any, other: Any, clinic: Any, looked: str
) -> None:
    reading = second.waiting(doctor)
    last, survivor = (scenes.visit(doctor)[0].patient for _each in range(2))
    assert offered(other) == [reading.pk]
    if looked == "before the merge":
        selectors.review(other, reading.study_id)
    made = merge(doctor, survivor, reading.patient)
    if looked != "before the merge":
        selectors.review(other, reading.study_id)
    if looked == "while merged, undone":
        undo(doctor, made)
    else:
        merge(doctor, last, survivor)
    assert offered(other) == []
    with pytest.raises(Conflict, match="You have opened this patient's record since the visit"):
        services.claim(actor=other, reading_id=reading.pk)
    third = factories.actor(clinic, "doctor")
    assert offered(third) == [reading.pk], "who has seen nothing reads it all the same"


def open_worklist(actor: Any, by: str) -> str:
    caller = as_member(actor) if by == "token" else browser(actor)
    address = "/api/v1/worklist/" if by == "token" else reverse("reports:worklist")
    answer = caller.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def read_after(doctor: Any, look: Any) -> Any:
    """The second reading of a lesion whose visit somebody met in the worklist before."""
    scenes.model()
    study, [lesion], [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture, first={"mel": 0.7}, malignant=0.75, triage="urgent")
    look()
    scenes.assess(doctor, study, lesion, scenes.MELANOMA, management="excise")
    [reading] = second.asked(doctor, study=study)
    return reading


@pytest.mark.parametrize("by", ["token", "page"])
def test_whom_the_worklist_told_a_probability_is_barred(doctor: Any, other: Any, by: str) -> None:
    elsewhere = second.waiting(doctor)
    reading = read_after(doctor, lambda: open_worklist(other, by))
    with clinic_context(other.clinic_id):
        [event] = Event.objects.filter(action="worklist.viewed", actor=other.person)
    assert event.detail["unveiled"] == [str(reading.study_id)]
    assert offered(other) == [elsewhere.pk]
    with pytest.raises(Conflict, match="You have opened this patient's record since the visit"):
        services.claim(actor=other, reading_id=reading.pk)


def test_urgent_or_routine_in_a_worklist_bars_nobody(
    doctor: Any, other: Any, administrator: Any
) -> None:
    clinic_settings.change(actor=administrator, number=1, blinded_first=True)
    reading = read_after(doctor, lambda: open_worklist(other, "page"))
    assert offered(other) == [reading.pk]


@pytest.mark.parametrize("by", ["token", "page"])
def test_who_holds_it_is_told_nothing_by_the_worklist(doctor: Any, other: Any, by: str) -> None:
    reading = second.claimed(doctor, other)
    more = factories.lesion(doctor, reading.patient)
    picture = scenes.image(doctor, reading.study, more)
    opinion = scenes.finish(doctor, picture, first={"mel": 0.7}, malignant=0.5, triage="urgent")
    told = open_worklist(other, by)
    assert str(reading.study_id) in told
    for secret in (reading.first_id, reading.first.opinion_id, opinion.pk, "0.75", "malignant:"):
        assert str(secret) not in told
    second.read(other, reading)
    assert ("0.75" if by == "token" else "malignant:") in open_worklist(other, by)


# ---- what it keeps a doctor out of ----

PAGES = {
    "the review": lambda r: reverse("reports:review", args=[r.study_id]),
    "the visit": lambda r: reverse("imaging:visit", args=[r.study_id]),
    "the record": lambda r: reverse("patients:detail", args=[r.patient_id]),
    "the reports": lambda r: reverse("reports:patient-reports", args=[r.patient_id]),
    "the image's page": lambda r: reverse("imaging:instance", args=[r.first.images[0]]),
    "the heat map": lambda r: reverse("inference:heat-map", args=[r.first.opinion_id]),
    "the status": lambda r: reverse("inference:status", args=[r.first.images[0]]),
    "the histology": lambda r: reverse("reports:histology", args=[r.lesion_id]),
}


@pytest.mark.parametrize("what", PAGES)
def test_who_holds_it_sees_no_other_page(doctor: Any, other: Any, what: str) -> None:
    reading = second.claimed(doctor, other)
    response = browser(other).get(PAGES[what](reading))
    assert response.status_code == 409
    assert "You are the second reader of a lesion of this patient" in response.content.decode()
    done = second.read(other, reading)
    assert done.outcome == "agrees", "what was refused bars nobody"
    assert browser(other).get(PAGES[what](reading)).status_code == 200


CALLS = {
    "visit": lambda r: f"/api/v1/studies/{r.study_id}/",
    "opinion": lambda r: f"/api/v1/predictions/{r.first.opinion_id}/",
    "heat map": lambda r: f"/api/v1/predictions/{r.first.opinion_id}/saliency/",
    "assessment": lambda r: f"/api/v1/assessments/{r.first_id}/",
    "patient": lambda r: f"/api/v1/patients/{r.patient_id}/",
    "histology": lambda r: f"/api/v1/lesions/{r.lesion_id}/histology/",
}


@pytest.mark.parametrize("what", CALLS)
def test_who_holds_it_is_told_nothing_by_the_api(doctor: Any, other: Any, what: str) -> None:
    reading = second.claimed(doctor, other)
    answer = as_member(other).get(CALLS[what](reading))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:dermaclinic:problem:conflict")
    services.release(actor=other, reading_id=reading.pk)
    assert as_member(other).get(CALLS[what](reading)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_who_was_kept_out_is_on_record(doctor: Any, other: Any, settings: Any) -> None:
    reading = second.claimed(doctor, other)
    settings.AUDIT_DENIALS_DATABASE = "denials"
    connections["denials"] = connections["default"].copy(alias="denials")
    try:
        with pytest.raises(Conflict):
            selectors.review(other, reading.study_id)
    finally:
        connections["denials"].close()
        del connections["denials"]
    with clinic_context(other.clinic_id):
        [event] = Event.objects.filter(action="second_reading.kept_out")
    assert (event.outcome, event.actor_id, event.patient_id, event.detail) == (
        "denied", other.person.pk, reading.patient_id, {"asked": "study.viewed"},
    )  # fmt: skip
    assert scenes.events(other, "study.viewed") == 0


def test_others_go_on_working(doctor: Any, other: Any, technician: Any) -> None:
    reading = second.claimed(doctor, other)
    elsewhere = second.waiting(doctor)
    assert selectors.review(doctor, reading.study_id).lesions
    assert imaging.visit(actor=technician, study_id=reading.study_id).instances
    assert selectors.review(other, elsewhere.study_id).lesions, "another patient's"


def test_the_page_shows_images_age_sex_and_site_alone(doctor: Any, other: Any) -> None:
    reading = second.waiting(doctor)
    mine = browser(other)
    address = reverse("reports:second-reading", args=[reading.pk])
    pages = [reverse("reports:second-readings"), address]
    for page in pages:
        check_page(mine.get(page).content.decode(), doctor, reading)
    mine.post(reverse("reports:second-reading-claim", args=[reading.pk]))
    for page in pages:
        check_page(mine.get(page).content.decode(), doctor, reading)
    text = mine.get(address).content.decode()
    assert reverse("imaging:image", args=[reading.first.images[0]]) in text
    assert "Back" in text
    assert "female" in text


def check_page(text: str, first: Any, reading: Any) -> None:
    main = text[text.index("<main") : text.index("</main>")]
    patient = reading.patient
    for secret in (
        factories.user(first).full_name,
        patient.family_name,
        patient.mrn,
        str(reading.study_id),
        str(reading.first_id),
        str(reading.first.opinion_id),
        "By its network.",
        "rgent",
        "outine",
        "elanoma</li>",
        "twice because",
        reading.get_reason_display(),
    ):
        assert secret not in main


def test_more_of_them_cost_no_more_queries(doctor: Any, other: Any) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            listing(other)
        return len(captured)

    first = second.disputed(doctor, other)
    second.waiting(doctor)
    before = count()
    for _again in range(2):
        second.waiting(doctor)
        second.disputed(doctor, other)
    assert len(listing(other).disputes) == 3
    assert count() == before
    assert first.pk in {each.pk for each in listing(other).disputes}
