"""The registry's pages: what everyone sees, what administrators change, and how it is said."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inference.models import ModelVersion
from inference.services import shadow
from tests import opinions
from tests.database import acting_as
from tests.inference.test_models_plots import WHOLE

pytestmark = pytest.mark.django_db

CLASSES = [
    {"key": "mel", "code": "93655004", "display": "Malignant melanoma", "malignant": True},
    {"key": "nv", "code": "400010006", "display": "Melanocytic nevus", "malignant": False},
]


def change(name: str, model: ModelVersion) -> str:
    return reverse(f"inference:{name}", args=[model.pk])


def measured(model: ModelVersion, metrics: Any = WHOLE) -> ModelVersion:
    model.metrics, model.card = metrics, "# A card\n\nFor *adults*. <b>Bold</b>\n"
    model.manifest = {**model.manifest, "classes": CLASSES, "intended_use": "Second opinions."}
    with acting_as("owner"):
        model.save()
    return model


def test_the_list_says_who_answers_for_which_images(doctors: Client) -> None:
    opinions.model("1")
    opinions.model("2", active=False)
    opinions.model("3", active=False, modality="clinical")
    page = doctors.get(reverse("inference:models")).content.decode()
    assert page.index("Dermoscopy") < page.index("test-model 1") < page.index("test-model 2")
    assert page.index("test-model 2") < page.index("Clinical photograph")
    assert "No model answers for such images" in page
    assert "<form" not in page.split("</header>", 1)[1], "doctors look and choose nothing"


def test_rolling_back_is_offered_said_and_done(administrators: Client, administrator: Any) -> None:
    old, new = opinions.model("1"), opinions.model("2", active=False)
    assert "Roll back" not in administrators.get(reverse("inference:models")).content.decode()
    administrators.post(change("activate", new))
    page = administrators.get(reverse("inference:models")).content.decode()
    assert "Yes, roll back to test-model 1" in page
    response = administrators.post(change("roll-back", new), follow=True)
    assert "Rolled back: test-model 1 answers from now on." in response.content.decode()
    assert ModelVersion.objects.get(active=True) == old
    assert administrator.name in response.content.decode()
    again = administrators.post(change("roll-back", new), {"from": "model"}, follow=True)
    assert again.redirect_chain[-1][0] == change("model", new)
    assert "There is no version to roll back to" in again.content.decode()
    assert ModelVersion.objects.get(active=True) == old


def test_in_the_shadow_and_out_of_it(administrators: Client) -> None:
    opinions.model("1")
    new = opinions.model("2", active=False)
    response = administrators.post(change("shadow", new), {"from": "model"}, follow=True)
    assert "runs in the shadow from now on" in response.content.decode()
    assert ModelVersion.objects.get(shadow=True) == new
    page = administrators.get(reverse("inference:models")).content.decode()
    assert reverse("reports:models-compared", args=[new.pk]) in page
    administrators.post(change("stop-shadow", new))
    assert not ModelVersion.objects.filter(shadow=True).exists()


def test_out_of_service(administrators: Client) -> None:
    only = opinions.model("1")
    response = administrators.post(change("deactivate", only), follow=True)
    page = response.content.decode()
    assert "test-model 1 no longer answers." in page
    assert "No model answers for such images" in page
    assert not ModelVersion.objects.filter(active=True).exists()


@pytest.mark.parametrize("who", ["doctors", "at_desk"])
@pytest.mark.parametrize("name", ["activate", "deactivate", "roll-back", "shadow", "stop-shadow"])
def test_nobody_else_changes_anything(request: Any, who: str, name: str) -> None:
    old, new = opinions.model("1"), opinions.model("2", active=False)
    client = request.getfixturevalue(who)
    target = old if name in ("deactivate", "roll-back") else new
    assert client.post(change(name, target)).status_code == 403
    assert client.get(change(name, target)).status_code == 405
    assert list(ModelVersion.objects.filter(active=True)) == [old]
    assert not ModelVersion.objects.filter(shadow=True).exists()


def test_a_version_shows_its_figures_plots_and_card(at_desk: Client) -> None:
    model = measured(opinions.model("1"))
    page = at_desk.get(change("model", model)).content.decode()
    assert "0.800" in page and "(0.700–0.900)" in page
    assert page.count("<svg viewBox") == 2
    assert page.count("shade--right") == 2
    assert "not estimable" in page
    assert "<h3>A card</h3>" in page and "&lt;b&gt;Bold" in page


def test_what_was_not_measured_is_said(at_desk: Client) -> None:
    model = opinions.model("1")
    page = at_desk.get(change("model", model)).content.decode()
    assert "No figures came with the package." in page
    assert page.count("not measured") >= 3
    assert "<svg viewBox" not in page


def test_an_unknown_version_is_not_found(doctors: Client, doctor: Any) -> None:
    opinions.model("1")
    assert doctors.get(reverse("inference:model", args=[doctor.clinic_id])).status_code == 404


def test_technicians_compare_no_models(at_desk: Client, administrator: Any) -> None:
    opinions.model("1")
    new = opinions.model("2", active=False)
    shadow.start(actor=administrator, model_id=new.pk)
    address = reverse("reports:models-compared", args=[new.pk])
    assert at_desk.get(address).status_code == 403
    assert address not in at_desk.get(reverse("inference:models")).content.decode()
