"""Recording a judgement by the page: what is stored, what is refused, and where one goes next."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from reports.models import Assessment, Report
from reports.services.claims import claim_study
from tests import factories
from tests.reports import scenes

pytestmark = pytest.mark.django_db
NEVUS = {"diagnosis_1": scenes.NEVUS, "management": "discharge"}


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def address(study: Any, lesion: Any) -> str:
    return reverse("reports:assess", args=[study.pk, lesion.pk])


def test_everything_that_was_entered_is_stored(doctors: Client, doctor: Any) -> None:
    study, [lesion], [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture)
    due = timezone.localdate() + timedelta(days=180)
    response = doctors.post(
        address(study, lesion),
        {
            "diagnosis_1": scenes.NEVUS,
            "diagnosis_2": scenes.MELANOMA,
            "diagnosis_3": "",
            "management": "monitor",
            "due": due.isoformat(),
            "two_step": "melanocytic",
            "algorithm": "pattern",
            "description": "Reticular network.",
            "comment": "Photograph again.",
        },
        follow=True,
    )
    with clinic_context(doctor.clinic_id):
        made = Assessment.objects.get()
    assert made.diagnoses == [scenes.NEVUS, scenes.MELANOMA]
    assert (made.management, made.due, made.agreement) == ("monitor", due, "agrees")
    assert (made.two_step, made.algorithm) == ("melanocytic", "pattern")
    assert (made.description, made.comment) == ("Reticular network.", "Photograph again.")
    page = response.content.decode()
    assert "You agree with the opinion." in page
    assert "agrees with the opinion" in page
    assert "Change the assessment" in page


def test_on_to_the_next_lesion_then_to_the_report(doctors: Client, doctor: Any) -> None:
    study, [one, two, three], _images = scenes.visit(doctor, lesions=3)
    review = reverse("reports:review", args=[study.pk])
    steps = [(two, f"lesion-{three.number}"), (three, f"lesion-{one.number}"), (one, "report")]
    for lesion, place in steps:
        assert doctors.post(address(study, lesion), NEVUS).url == f"{review}#{place}"


def test_a_date_without_monitoring_is_left_out(doctors: Client, doctor: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    doctors.post(address(study, lesion), NEVUS | {"due": "2099-01-01"})
    with clinic_context(doctor.clinic_id):
        assert Assessment.objects.get().due is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"diagnosis_1": ""}, "Give one to three diagnoses"),
        ({"diagnosis_2": scenes.NEVUS}, "Give each diagnosis once."),
        ({"diagnosis_1": "12345"}, "Select a valid choice"),
        ({"management": ""}, "Say what is to be done with the lesion."),
        ({"management": "monitor"}, "Say until when the lesion is to be monitored."),
        ({"management": "monitor", "due": "2001-01-01"}, "The date must lie in the future."),
        ({"management": "monitor", "due": "soon"}, "Enter a valid date."),
        ({"algorithm": "dowsing"}, "Select a valid choice"),
    ],
)
def test_a_refusal_keeps_the_text_and_stores_nothing(
    doctors: Client, doctor: Any, changes: dict[str, str], said: str
) -> None:
    study, [lesion, _other], _images = scenes.visit(doctor, lesions=2)
    entered = {"reason": "A reason.", "description": "Globules & a veil.", "comment": "Dear all"}
    response = doctors.post(address(study, lesion), NEVUS | entered | changes)
    page = response.content.decode()
    assert response.status_code == 422
    assert said in page
    assert "Globules &amp; a veil." in page
    assert "Dear all" in page
    [first, second] = response.context["cards"]
    assert first.form.is_bound
    assert not second.form.is_bound
    assert scenes.count(doctor, Assessment) == 0
    assert scenes.events(doctor, "assessment.recorded") == 0
    assert scenes.events(doctor, "study.viewed", object_id=str(study.pk)) == 1, "it was shown"


def test_departing_from_the_opinion_needs_a_reason(doctors: Client, doctor: Any) -> None:
    scenes.sighted(doctor)
    study, [lesion], [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture)
    departing = NEVUS | {"diagnosis_1": scenes.SCC, "comment": "Kept."}
    response = doctors.post(address(study, lesion), departing)
    assert response.status_code == 422
    assert "Please say why." in response.content.decode()
    assert "Kept." in response.content.decode()
    assert scenes.count(doctor, Assessment) == 0
    page = doctors.post(address(study, lesion), departing | {"reason": "Scale."}, follow=True)
    assert "differs from the opinion" in page.content.decode()
    assert scenes.count(doctor, Assessment, agreement="differs", reason="Scale.") == 1


def test_a_change_of_mind_is_a_new_version(doctors: Client, doctor: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    doctors.post(address(study, lesion), NEVUS)
    page = doctors.post(address(study, lesion), NEVUS | {"management": "refer"}, follow=True)
    assert scenes.count(doctor, Assessment) == 2
    assert "1 earlier version" in page.content.decode()
    form = page.context["cards"][0].form
    assert form["management"].value() == "refer", "the form begins with what was said last"


def test_another_doctors_claim_refuses_and_keeps(doctors: Client, doctor: Any, clinic: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    other = factories.actor(clinic, "doctor")
    claim_study(actor=other, study_id=study.pk)
    response = doctors.post(address(study, lesion), NEVUS | {"comment": "Mine."})
    assert response.status_code == 409
    assert f"{other.name} is reading this visit" in response.content.decode()
    assert "Mine." in response.content.decode()
    assert scenes.count(doctor, Assessment) == 0


def test_a_lesion_without_an_image_here_is_not_assessed(doctors: Client, doctor: Any) -> None:
    study, *_rest = scenes.visit(doctor)
    elsewhere = factories.lesion(doctor, study.patient)
    response = doctors.post(address(study, elsewhere), NEVUS)
    assert response.status_code == 400
    assert "no image of this lesion" in response.content.decode()
    assert doctors.post(address(study, elsewhere), {}).status_code == 404
    assert scenes.count(doctor, Assessment) == 0


@pytest.mark.parametrize(("who", "status"), [("at_desk", 403), ("strangers", 404)])
def test_others_do_not_assess(
    request: pytest.FixtureRequest, doctor: Any, who: str, status: int
) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    other = request.getfixturevalue(who)
    assert other.post(address(study, lesion), NEVUS).status_code == status
    assert other.post(address(study, lesion), {}).status_code == status
    assert scenes.count(doctor, Assessment) == 0


def test_compose_a_report_of_what_is_ticked(doctors: Client, doctor: Any) -> None:
    study, [one, two], _images = scenes.visit(doctor, lesions=2)
    chosen = scenes.assess(doctor, study, one)
    scenes.assess(doctor, study, two)
    compose = reverse("reports:compose", args=[study.pk])
    response = doctors.post(compose, {"assessment": [str(chosen.pk)]})
    with clinic_context(doctor.clinic_id):
        report = Report.objects.get()
        assert list(report.assessments.all()) == [chosen]
    assert response.url == reverse("reports:report", args=[report.pk])
    assert b"Draft report" in doctors.get(reverse("reports:review", args=[study.pk])).content


def test_nothing_ticked_or_a_stale_tick_composes_nothing(doctors: Client, doctor: Any) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    old = scenes.assess(doctor, study, lesion)
    scenes.assess(doctor, study, lesion, management="refer")
    compose = reverse("reports:compose", args=[study.pk])
    for ticked, said in (([], "Choose at least one"), ([str(old.pk)], "has been assessed anew")):
        page = doctors.post(compose, {"assessment": ticked}, follow=True)
        assert said in page.content.decode()
    assert scenes.count(doctor, Report) == 0
