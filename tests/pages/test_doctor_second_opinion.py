"""How a second opinion speaks: at which prevalence, moved by what, where it looked."""

import io
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.models import ApiToken, Membership
from dermaclinic.accounts.tenancy import clinic_context
from inference.models import Prediction
from inference.network.prevalence import shift
from reports.services.composing import compose
from reports.services.signing import sign
from tests import factories
from tests.inference import second
from tests.pages.test_doctor_review import address, text
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _sighted(doctor: Any) -> None:
    """What is closed before a diagnosis is tested with what is blinded."""
    scenes.sighted(doctor)


@pytest.fixture
def read(doctor: Any) -> tuple[Any, Any, Prediction]:
    """A visit whose one image has an opinion of the new kind: (study, lesion, opinion)."""
    second.model()
    study, [lesion], [picture] = scenes.visit(doctor)
    made = scenes.finish(
        doctor,
        picture,
        malignant=second.MALIGNANT,
        triage="urgent",
        result=second.result(),
        **second.columns(),
    )
    return study, lesion, made


def declare(administrator: Any, prevalence: float | None) -> None:
    with clinic_context(administrator.clinic_id):
        held = clinic_settings.current()
    number = held.number if held else 0
    clinic_settings.change(actor=administrator, number=number, prevalence=prevalence, targets={})


def test_undeclared_it_says_what_the_shares_hold_for(doctors: Client, read: Any) -> None:
    page = text(doctors.get(address(read[0])))
    assert "Malignant or premalignant: <strong>19 %</strong>" in page
    assert "a collection in which 19 % of the lesions are malignant" in page
    assert "An administrator can declare your clinic's own share" in page.replace("&#x27;", "'")
    assert "PPV" not in page


def test_declared_the_shares_are_the_clinics_and_the_trained_ones_stand_beside(
    doctors: Client, administrator: Any, read: Any
) -> None:
    declare(administrator, 0.02)
    page = text(doctors.get(address(read[0])))
    here = shift(second.MALIGNANT, prior=0.19, prevalence=0.02)
    assert f"Malignant or premalignant: <strong>{here * 100:.1g} %</strong>" in page
    assert "where 2 % of the assessed lesions are malignant" in page
    assert "The same as trained, where 19 % are malignant" in page
    assert '<td class="end number">12 %</td>' in page, "melanoma as trained"
    start = shift(0.2, prior=0.19, prevalence=0.02)
    assert f"Urgent from {start * 100:.1f} % on" in page
    assert "(PPV)" in page and "(NPV)" in page


def test_the_worklist_speaks_of_the_same_share(
    doctors: Client, administrator: Any, read: Any
) -> None:
    worklist = reverse("reports:worklist")
    assert "malignant: 19 %" in text(doctors.get(worklist))
    declare(administrator, 0.02)
    assert "malignant: 2 %" in text(doctors.get(worklist))


def test_what_was_known_of_the_person_is_weighed_in_the_open(doctors: Client, read: Any) -> None:
    page = text(doctors.get(address(read[0])))
    moved = "Age, sex and body site moved Malignant melanoma of skin from 31 % to 12 %."
    assert moved in page
    assert "The triage uses the greater of the two malignancies" in page
    assert "By the image alone: <strong>38 %</strong>" in page
    assert page.count('class="dots__after"') == 7


def test_sets_and_points_in_words(doctors: Client, read: Any) -> None:
    page = text(doctors.get(address(read[0])))
    sets = page[page.index("In 9 of 10 images such as this") :]
    first, wider = sets.split("In 19 of 20, one of these or:")
    assert first.count('class="set"') == 2
    assert "Seborrheic keratosis" in wider[: wider.index("</p>")]
    assert "this found 95 % of the lesions with Malignant melanoma of skin" in page
    assert "From where on it is urgent, class by class" in page
    assert page.count("(decides)") == 1


def test_maps_of_the_first_class_and_of_melanoma(doctors: Client, doctor: Any, read: Any) -> None:
    page = text(doctors.get(address(read[0])))
    assert "where, not why" in page
    maps = [
        reverse(f"inference:{name}", args=[read[2].pk]) for name in ("heat-map", "melanoma-map")
    ]
    assert all(each in page for each in maps)
    first, melanoma = (doctors.get(each) for each in maps)
    assert first.content != melanoma.content
    assert first.headers["ETag"] != melanoma.headers["ETag"]
    assert scenes.events(doctor, "prediction.viewed") == 2


def test_melanoma_first_leaves_no_choice(doctors: Client, doctor: Any) -> None:
    second.model()
    study, _lesions, [picture] = scenes.visit(doctor)
    lines = second.result()["differential"]
    first = next(line for line in lines if line["key"] == "mel") | {"probability": 0.9}
    lines = [first, *(line for line in lines if line["key"] != "mel")]
    scenes.finish(doctor, picture, result=second.result(differential=lines), **second.columns())
    page = text(doctors.get(address(study)))
    assert "data-heat=" in page
    assert "data-heat-of" not in page


@pytest.mark.parametrize("grid", [None, bytes(49)])
def test_a_photograph_never_passes_for_a_map(doctors: Client, doctor: Any, grid: Any) -> None:
    second.model()
    study, _lesions, [picture] = scenes.visit(doctor)
    made = scenes.finish(
        doctor,
        picture,
        result=second.result(),
        saliency=grid,
        saliency_shape=None if grid is None else [7, 7],
    )
    page = text(doctors.get(address(study)))
    assert ("There is no heat map for this opinion." in page) == (grid is None)
    for name in ("heat-map", "melanoma-map", "outline"):
        answer = doctors.get(reverse(f"inference:{name}", args=[made.pk]))
        assert answer.status_code == 404, name
    assert scenes.events(doctor, "prediction.viewed") == 0


def test_the_lesions_outline(doctors: Client, doctor: Any, read: Any) -> None:
    outline = reverse("inference:outline", args=[read[2].pk])
    assert f'data-outline="{outline}"' in text(doctors.get(address(read[0])))
    answer = doctors.get(outline)
    assert answer.headers["Content-Type"] == "image/svg+xml"
    drawn = answer.content.decode()
    assert 'width="320" height="240"' in drawn
    assert drawn.count("<path") == 2
    assert scenes.events(doctor, "prediction.viewed") == 1


def test_millimetres_where_the_file_states_its_scale(
    doctors: Client, doctor: Any, read: Any
) -> None:
    assert "mm across" not in text(doctors.get(address(read[0])))
    study, _lesions, [picture] = scenes.visit(doctor)
    measured = {"diameter_mm": 6.24, "area_mm2": 21.55}
    scenes.finish(
        doctor, picture, malignant=second.MALIGNANT, result=second.result(measurements=measured)
    )
    assert "6.2 mm across, 21.6 mm²" in text(doctors.get(address(study)))


def test_an_older_opinion_says_less(doctors: Client, doctor: Any) -> None:
    scenes.model()
    study, _lesions, [picture] = scenes.visit(doctor)
    scenes.finish(doctor, picture)
    page = text(doctors.get(address(study)))
    for word in ("image alone", "data-outline", "data-heat-of", "collection in which", "19 of 20"):
        assert word not in page, word


def test_agreement_is_with_what_was_shown(
    doctors: Client, doctor: Any, administrator: Any, read: Any
) -> None:
    """At 60 % melanoma leads, as trained the nevus."""
    study, lesion, _made = read
    assert scenes.assess(doctor, study, lesion, scenes.NEVUS).agreement == "agrees"
    declare(administrator, 0.6)
    page = text(doctors.get(address(study)))
    page = page[page.index('class="bars"') :]
    assert page.index("Malignant melanoma of skin") < page.index("Melanocytic nevus of skin")
    changed = scenes.assess(doctor, study, lesion, scenes.NEVUS, management="excise")
    assert changed.agreement == "partly"


def test_a_report_keeps_the_prevalence_of_its_day(
    doctor: Any, administrator: Any, read: Any
) -> None:
    study, lesion, _made = read
    declare(administrator, 0.02)
    made = scenes.assess(doctor, study, lesion)
    declare(administrator, 0.3)
    draft = compose(actor=doctor, assessment_ids=[made.pk])
    report = sign(actor=doctor, report_id=draft.pk, password=factories.PASSWORD)
    [told] = scenes.stored(doctor, report).content["lesions"]
    opinion = told["opinion"]
    assert opinion["prevalence"]["declared"] == 0.02
    assert opinion["prevalence"]["trained"] == pytest.approx(0.19)
    here = shift(second.MALIGNANT, prior=0.19, prevalence=0.02)
    assert opinion["malignant_probability"] == pytest.approx(here)
    assert opinion["prevalence"]["malignant_as_trained"] == pytest.approx(second.MALIGNANT)
    melanoma = next(line for line in opinion["differential"] if line["as_trained"] == 0.12)
    assert melanoma["probability"] < 0.02


def test_the_mask_as_a_picture_over_the_api(doctor: Any, read: Any) -> None:
    membership = Membership.objects.get(user=doctor.user)
    _token, secret = ApiToken.issue(membership)
    client = APIClient(headers={"Authorization": f"Token {secret}"})
    told = client.get(f"/api/v1/predictions/{read[2].pk}/").json()
    assert told["triage_score"] == second.SCORE
    assert [row["probability"] for row in told["image_only"]][:2] == [0.51, 0.31]
    assert told["at_prevalence"] is None
    assert len(told["prediction_set_95"]) == 3
    assert client.get(told["melanoma_saliency_url"]).status_code == 200
    picture = Image.open(io.BytesIO(client.get(told["mask_url"]).content))
    assert picture.size == (320, 240)
    inside = np.asarray(picture)
    assert set(np.unique(inside)) == {0, 255}
    assert inside[120, 160] == 255 and inside[5, 5] == 0
