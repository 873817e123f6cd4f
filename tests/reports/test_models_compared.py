"""A shadow beside the model that answered: the same images, and what the doctors found."""

from typing import Any

import pytest
from django.urls import reverse

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Forbidden
from inference.models import ModelVersion, Prediction
from inference.services import shadow as shadows
from patients.models import Purpose
from patients.services import record_consents
from reports.selectors import shadow
from reports.selectors.shadow import Share
from tests import opinions
from tests.database import acting_as
from tests.pages.conftest import browser
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def beside(administrator: Any) -> ModelVersion:
    scenes.model()
    model = opinions.model("shadow", active=False)
    return shadows.start(actor=administrator, model_id=model.pk)


def answer(
    actor: Any, image: Any, *, triage: str, first: str = "nv", status: str = "ready"
) -> None:
    """What the shadow said of an image."""
    with clinic_context(actor.clinic_id), acting_as("owner"):
        row = Prediction.shadows.filter(instance=image).latest("rerun")
        row.status, row.triage = status, triage
        row.declined_reason = "blurred" if status == "declined" else ""
        if status == "ready":
            row.malignant_probability = 0.5
            row.result = {"differential": scenes.shares({first: 0.9})}
        row.save()


def read_by_both(
    doctor: Any, *, given: str, shadowed: str, truth: str = scenes.NEVUS, first: str = "nv"
) -> Any:
    """A lesion that both models read and a doctor assessed: (study, lesion, image)."""
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, triage=given)
    answer(doctor, image, triage=shadowed, first=first)
    scenes.assess(doctor, study, lesion, truth, reason="Seen so.")
    return study, lesion, image


def compared(actor: Any, model: ModelVersion) -> list[shadow.Comparison]:
    with clinic_context(actor.clinic_id):
        return shadow.comparisons(actor, model)


def test_both_against_the_doctors(doctor: Any, beside: ModelVersion) -> None:
    read_by_both(doctor, given="routine", shadowed="urgent", truth=scenes.MELANOMA, first="mel")
    read_by_both(doctor, given="urgent", shadowed="urgent", truth=scenes.MELANOMA)
    read_by_both(doctor, given="urgent", shadowed="routine")
    (made,) = compared(doctor, beside)
    assert (made.active, made.images) == (scenes.model(), 3)
    assert made.same_first == Share(2, 3, 3)
    assert (made.urgent_active.count, made.urgent_shadow.count) == (2, 2)
    assert (made.found_active, made.found_shadow) == (Share(1, 2, 2), Share(2, 2, 2))
    assert (made.spared_active, made.spared_shadow) == (Share(0, 1, 1), Share(1, 1, 1))
    assert (made.malignant.both, made.malignant.shadow_only) == (1, 1)
    assert not made.found_shadow.estimable
    assert scenes.events(doctor, "model.compared") == 1


def test_a_lesion_is_one_case_whatever_the_number_of_its_images(
    doctor: Any, beside: ModelVersion
) -> None:
    study, [lesion], [image] = scenes.visit(doctor)
    second = scenes.image(doctor, study, lesion)
    for each, triage in ((image, "routine"), (second, "urgent")):
        scenes.finish(doctor, each)
        answer(doctor, each, triage=triage)
    scenes.assess(doctor, study, lesion, scenes.MELANOMA, reason="Seen so.")
    (made,) = compared(doctor, beside)
    assert made.urgent_shadow == Share(1, 2, 1)
    assert (made.malignant.shadow_only, made.malignant.n) == (1, 1)


def test_what_one_declined_is_counted_apart(doctor: Any, beside: ModelVersion) -> None:
    _study, _lesions, [image] = scenes.visit(doctor)
    scenes.finish(doctor, image)
    answer(doctor, image, triage="", status="declined")
    (made,) = compared(doctor, beside)
    assert (made.images, made.declined_active, made.declined_shadow) == (0, 0, 1)


def test_an_opinion_given_anew_is_not_what_the_shadow_stood_beside(
    doctor: Any, beside: ModelVersion
) -> None:
    _study, _lesion, image = read_by_both(doctor, given="urgent", shadowed="urgent")
    scenes.finish(doctor, image, triage="routine")
    assert compared(doctor, beside) == []


def test_who_opted_out_is_left_out(doctor: Any, beside: ModelVersion) -> None:
    study, _lesion, _image = read_by_both(doctor, given="urgent", shadowed="urgent")
    record_consents(
        actor=doctor, patient_id=study.patient_id, decisions={Purpose.AI_OPINION: False}
    )
    assert compared(doctor, beside) == []


def test_other_clinics_and_technicians_see_none_of_it(
    doctor: Any, technician: Any, stranger: Any, beside: ModelVersion
) -> None:
    read_by_both(doctor, given="urgent", shadowed="urgent")
    assert compared(stranger, beside) == []
    with pytest.raises(Forbidden):
        compared(technician, beside)


def test_from_twenty_cases_on_a_share_has_its_exact_interval() -> None:
    few, enough = Share(18, 19, 19), Share(18, 20, 20)
    assert (few.estimable, enough.estimable) == (False, True)
    # Clopper and Pearson's interval of 18 of 20, as tables have it.
    assert enough.bounds == pytest.approx((0.683, 0.988), abs=0.0005)


def test_the_page_says_it_and_the_patients_pages_do_not(
    doctor: Any, administrator: Any, beside: ModelVersion
) -> None:
    study, _lesion, image = read_by_both(
        doctor, given="routine", shadowed="urgent", truth=scenes.MELANOMA
    )
    page = browser(administrator).get(reverse("reports:models-compared", args=[beside.pk]))
    assert "0 of 1" in page.content.decode() and "not estimable" in page.content.decode()
    client = browser(doctor)
    review = client.get(reverse("reports:review", args=[study.pk])).content.decode()
    status = client.get(reverse("inference:status", args=[image.pk])).content.decode()
    worklist = client.get(reverse("reports:worklist")).content.decode()
    for seen in (review, status, worklist):
        assert "Urgent</" not in seen, "the badge; the threshold is explained"
        assert str(beside) not in seen
