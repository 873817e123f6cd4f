"""What comes with the product: figures and card in the database, one active for each modality."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dermaclinic.errors import Conflict, Invalid
from inference.models import ModelVersion
from inference.services import models
from tests import opinions, packages
from tests.database import acting_as

FIGURES = {"n": 40, "balanced_accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}


def answering() -> set[str]:
    return set(ModelVersion.objects.filter(active=True).values_list("name", flat=True))


def ship() -> str:
    out = StringIO()
    with acting_as("owner"):
        call_command("register_model", "--shipped", stdout=out)
    return out.getvalue()


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    settings.MODEL_PACKAGES = tmp_path
    settings.MODEL_DEFAULTS = {"dermoscopy": "ham-standard", "clinical": "pad"}
    for name in ("ham-fast", "ham-standard"):
        packages.small(tmp_path, name)
    packages.small(tmp_path, "pad", modality="clinical")
    return tmp_path


@pytest.mark.django_db
def test_one_answers_for_each_modality(root: Path) -> None:
    said = ship()
    assert answering() == {"ham-standard", "pad"}
    assert ModelVersion.objects.get(name="pad").modality == "clinical"
    assert "ham-fast 1.0.0" in said and said.count("is active") == 2


def test_a_choice_made_before_is_kept(root: Path, administrator: Any) -> None:
    ship()
    fast = ModelVersion.objects.get(name="ham-fast")
    models.activate(actor=administrator, model_id=fast.pk)
    ship()
    assert answering() == {"ham-fast", "pad"}


@pytest.mark.django_db
def test_a_model_whose_package_is_gone_is_replaced(root: Path) -> None:
    opinions.model("gone")
    ship()
    assert answering() == {"ham-standard", "pad"}


@pytest.mark.django_db
def test_one_refused_package_keeps_the_others_in(root: Path) -> None:
    (root / "ham-fast" / "weights.npz").write_bytes(b"other")
    with pytest.raises(CommandError, match="SHA-256"):
        ship()
    assert answering() == {"ham-standard", "pad"}
    assert not ModelVersion.objects.filter(name="ham-fast").exists()


@pytest.mark.django_db
def test_figures_and_card_are_recorded(tmp_path: Path) -> None:
    model = opinions.registered(packages.small(tmp_path, "whole", metrics=FIGURES))
    stored = ModelVersion.objects.get(pk=model.pk)
    assert (stored.metrics, stored.card) == (FIGURES, "# Card\n")


@pytest.mark.django_db
def test_figures_are_added_but_never_replaced(tmp_path: Path) -> None:
    folder = packages.small(tmp_path, "grown")
    opinions.registered(folder)
    (folder / "metrics.json").write_text('{"n": 1}')
    assert opinions.registered(folder).metrics == {"n": 1}
    for name, text in (("metrics.json", '{"n": 2}'), ("card.md", "# Better")):
        before = (folder / name).read_text()
        (folder / name).write_text(text)
        with pytest.raises(Conflict, match="other content"):
            opinions.registered(folder)
        (folder / name).write_text(before)
    stored = ModelVersion.objects.get()
    assert (stored.metrics, stored.card) == ({"n": 1}, "# Card\n")


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["{", "[1]", '{"n": NaN}', '{"n": Infinity}'])
def test_figures_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    folder = packages.small(tmp_path, "odd")
    (folder / "metrics.json").write_text(text)
    with pytest.raises(Invalid, match=r"metrics\.json"):
        opinions.registered(folder)
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_the_command_lets_a_model_run_in_the_shadow(root: Path) -> None:
    ship()
    out = StringIO()
    with acting_as("owner"):
        call_command("register_model", str(root / "ham-fast"), "--shadow", stdout=out)
    assert "is in the shadow" in out.getvalue()
    assert ModelVersion.objects.get(shadow=True).name == "ham-fast"
