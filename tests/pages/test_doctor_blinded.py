"""Blinded first, by every door a doctor's browser has; and what the page does once it opens."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts.models import ApiToken, Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import record
from dermaclinic.audit.models import Event
from reports.models import Assessment
from reports.services.histology import record_histology
from reports.services.withdrawal import withdraw_assessment
from tests import factories
from tests.inference import second
from tests.reports import scenes

pytestmark = pytest.mark.django_db
SURE = {"nv": 0.813, "mel": 0.127}


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


@pytest.fixture
def scene(doctor: Any) -> Any:
    """(study, lesion, prediction): urgent, with everything that an opinion can have."""
    study, [lesion], [picture] = scenes.visit(doctor)
    opinion = scenes.finish(
        doctor, picture, first=SURE, malignant=0.187, triage="urgent", **second.columns()
    )
    opinion.instance = picture
    return study, lesion, opinion


@pytest.fixture
def denials(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What was written past any rollback, instead of through a second connection."""
    written: list[Event] = []
    monkeypatch.setattr(record, "write_past_rollback", written.append)
    return written


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def says_nothing(page: str, opinion: Any) -> None:
    """Nothing but the triage: no share, no order, no picture's address, no model."""
    for word in ("81 %", "0.8130", "19 %", 'class="bars"'):
        assert word not in page
    assert str(opinion.pk) not in page, "no address of anything that belongs to the opinion"
    assert opinion.model_version.sha256 not in page


def doors(opinion: Any) -> list[str]:
    names = ("inference:heat-map", "inference:melanoma-map", "inference:outline", "reports:similar")
    return [reverse(name, args=[opinion.pk]) for name in names] + [
        f"/api/v1/predictions/{opinion.pk}/",
        f"/api/v1/predictions/{opinion.pk}/saliency/",
        f"/api/v1/predictions/{opinion.pk}/mask/",
    ]


def test_the_review_tells_urgent_or_routine_and_no_more(
    doctors: Client, doctor: Any, scene: Any
) -> None:
    study, lesion, opinion = scene
    page = text(doctors.get(reverse("reports:review", args=[study.pk])))
    says_nothing(page, opinion)
    assert "Urgent" in page
    assert "First your own diagnosis" in page
    assert "Reason for departing" not in page
    scenes.assess(doctor, study, lesion)
    opened = text(doctors.get(reverse("reports:review", args=[study.pk])))
    assert "81 %" in opened
    assert reverse("inference:heat-map", args=[opinion.pk]) in opened
    assert "before the opinion was open" in opened


def test_news_and_small_statuses_tell_no_more(doctors: Client, doctor: Any, scene: Any) -> None:
    study, lesion, opinion = scene
    live = reverse("reports:review-live", args=[study.pk])
    image = opinion.instance
    news = text(doctors.get(live, {"images": str(image.pk)}))
    assert f"#opinion-{lesion.number}" in news
    says_nothing(news, opinion)
    small = text(doctors.get(reverse("inference:status", args=[image.pk])))
    assert "Urgent" in small
    says_nothing(small, opinion)
    shown = scenes.events(doctor, "prediction.viewed", detail__shown="triage")
    assert shown == 2 == scenes.events(doctor, "prediction.viewed")


def test_every_other_door_is_closed_and_says_why(
    doctors: Client, doctor: Any, scene: Any, denials: list[Event]
) -> None:
    study, lesion, opinion = scene
    for address in doors(opinion):
        response = doctors.get(address)
        assert response.status_code == 403, address
        assert b"Record your own diagnosis of the lesion first" in response.content
    assert len(denials) == len(doors(opinion))
    for each in denials:
        assert (each.action, each.outcome) == ("access.denied", "denied")
        assert (each.object_id, each.actor_id) == (str(opinion.pk), doctor.person.pk)
    assert scenes.events(doctor, "prediction.viewed") == 0
    made = scenes.assess(doctor, study, lesion)
    withdraw_assessment(actor=doctor, assessment_id=made.pk)
    for address in doors(opinion):
        assert doctors.get(address).status_code == 200, "open, also once it is taken back"


def test_a_technician_and_a_script_see_what_they_always_saw(
    at_desk: Client, doctor: Any, scene: Any
) -> None:
    study, _lesion, opinion = scene
    assert "81 %" in text(at_desk.get(reverse("reports:review", args=[study.pk])))
    membership = Membership.objects.get(user=doctor.user, clinic=doctor.clinic_id)
    _token, secret = ApiToken.issue(membership)
    script = Client(headers={"Authorization": f"Token {secret}"})
    answer = script.get(f"/api/v1/predictions/{opinion.pk}/").json()
    assert answer["differential"][0]["probability"] == SURE["nv"]


def test_a_browsers_session_learns_no_more_from_the_api(doctors: Client, scene: Any) -> None:
    _study, _lesion, opinion = scene
    problem = doctors.get(f"/api/v1/predictions/{opinion.pk}/").json()
    assert problem["type"] == "urn:dermaclinic:problem:veiled"
    [row] = doctors.get("/api/v1/worklist/").json()["results"]
    assert row["urgency"] == "urgent"
    assert row["malignant_probability"] is None
    assert row["lesions"][0]["malignant_probability"] is None


def assessed(client: Client, study: Any, lesion: Any, **changes: str) -> Any:
    address = reverse("reports:assess", args=[study.pk, lesion.pk])
    said = {"diagnosis_1": scenes.NEVUS, "management": "discharge"} | changes
    return client.post(address, said)


@pytest.mark.parametrize(
    ("first", "triage", "stays"),
    [("nv", "routine", False), ("bkl", "routine", True), ("nv", "urgent", True)],
)
def test_one_stays_where_the_opinion_differs_or_warns(
    doctors: Client, doctor: Any, first: str, triage: str, stays: bool
) -> None:
    study, [one, two], [picture, _other] = scenes.visit(doctor, lesions=2)
    scenes.finish(doctor, picture, first={first: 0.7}, triage=triage)
    place = one if stays else two
    review = reverse("reports:review", args=[study.pk])
    assert assessed(doctors, study, one).url == f"{review}#lesion-{place.number}"


def test_a_warning_to_somebody_who_saw_the_danger_holds_up_nobody(
    doctors: Client, doctor: Any
) -> None:
    study, [one, two], [picture, _other] = scenes.visit(doctor, lesions=2)
    scenes.finish(doctor, picture, first={"mel": 0.7}, triage="urgent")
    answer = assessed(doctors, study, one, diagnosis_1=scenes.MELANOMA, management="excise")
    assert answer.url.endswith(f"#lesion-{two.number}")


def test_differing_the_page_asks_to_keep_or_to_change(
    doctors: Client, doctor: Any, scene: Any
) -> None:
    study, lesion, _opinion = scene
    page = assessed(doctors, study, lesion, diagnosis_1=scenes.SCC)
    shown = text(doctors.get(page.url))
    assert "You differ from the opinion." in shown
    assert "Your first impression and the opinion differ" in shown
    assert "Keep mine" in shown
    assert "Change mine" in shown
    [card] = doctors.get(page.url).context["cards"]
    made = card.row.assessment
    keep = reverse("reports:keep", args=[made.pk])
    refused = doctors.post(keep, {"reason": " "})
    assert refused.status_code == 422
    assert "Please say why." in text(refused)
    assert scenes.count(doctor, Assessment) == 1
    doctors.post(keep, {"reason": "Scale & ulcer."})
    after = text(doctors.get(page.url))
    assert "Kept after the opinion" in after
    assert "First impression, before the opinion:" in after
    assert "Keep mine" not in after
    assert scenes.count(doctor, Assessment, version=2, reason="Scale & ulcer.", blinded=False) == 1


def test_a_change_of_mind_is_told_as_one(doctors: Client, doctor: Any, scene: Any) -> None:
    study, lesion, _opinion = scene
    assessed(doctors, study, lesion, diagnosis_1=scenes.SCC)
    page = assessed(doctors, study, lesion)
    shown = text(doctors.get(page.url))
    assert "Changed after the opinion" in shown
    assert "Squamous cell carcinoma of skin; Discharge" in shown


def test_a_colleague_is_told_whose_word_is_missing(
    doctors: Client, doctor: Any, clinic: Any, scene: Any
) -> None:
    study, lesion, _opinion = scene
    colleague = factories.actor(clinic, "doctor")
    made = scenes.assess(colleague, study, lesion, scenes.SCC)
    shown = text(doctors.get(reverse("reports:review", args=[study.pk])))
    assert f"{colleague.name} has not said yet which holds." in shown
    assert reverse("reports:keep", args=[made.pk]) not in shown
    refused = doctors.post(reverse("reports:keep", args=[made.pk]), {"reason": "x"}, follow=True)
    assert "another doctor&#x27;s assessment" in text(refused)
    assert scenes.count(doctor, Assessment) == 1


def test_what_was_recorded_can_be_taken_back(doctors: Client, doctor: Any, scene: Any) -> None:
    study, lesion, _opinion = scene
    page = assessed(doctors, study, lesion)
    [made] = [card.row.assessment for card in doctors.get(page.url).context["cards"]]
    undo = reverse("reports:withdraw", args=[made.pk])
    shown = text(doctors.get(reverse("reports:review", args=[study.pk])))
    assert f'action="{undo}"' in shown
    assert 'data-key="undo"' in shown
    back = doctors.post(undo, follow=True)
    assert "is taken back" in text(back)
    assert "Taken back" in text(back)
    assert "Record the assessment" in text(back)
    assert scenes.count(doctor, Assessment, withdrawal=None) == 0
    again = doctors.post(undo, follow=True)
    assert again.status_code == 200


def test_a_refused_undo_says_why(doctors: Client, doctor: Any) -> None:
    report, study, _lesion, _picture = scenes.draft(doctor)
    with clinic_context(doctor.clinic_id):
        made = report.assessments.get()
    undo = reverse("reports:withdraw", args=[made.pk])
    page = text(doctors.get(reverse("reports:review", args=[study.pk])))
    assert undo not in page
    assert "Discard the draft first" in text(doctors.post(undo, follow=True))
    assert scenes.count(doctor, Assessment, withdrawal=None) == 1


def test_doctor_software_and_histology_side_by_side_once_open(
    doctors: Client, doctor: Any, scene: Any
) -> None:
    study, lesion, _opinion = scene
    day = timezone.localdate()
    record_histology(
        actor=doctor, lesion_id=lesion.pk, diagnosis=scenes.DYSPLASTIC, reported_on=day
    )
    review = reverse("reports:review", args=[study.pk])
    assert 'class="three"' not in text(doctors.get(review))
    scenes.assess(doctor, study, lesion, scenes.MELANOMA)
    [three] = text(doctors.get(review)).split('class="three"')[1:]
    said = three.split("</dl>")[0]
    order = ["Malignant melanoma", "Melanocytic nevus", "Dysplastic nevus"]
    assert [said.index(name) for name in order] == sorted(said.index(name) for name in order)


def test_a_clinic_may_show_opinions_at_once(doctors: Client, doctor: Any, scene: Any) -> None:
    study, _lesion, opinion = scene
    scenes.sighted(doctor)
    page = text(doctors.get(reverse("reports:review", args=[study.pk])))
    assert "81 %" in page
    assert "Reason for departing" in page
    for address in doors(opinion):
        assert doctors.get(address).status_code == 200
