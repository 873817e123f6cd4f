"""Packages are registered by their hash; one model a modality answers; a change is on record."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from inference.models import ModelVersion
from inference.services import models
from tests import opinions, packages
from tests.database import acting_as


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return packages.small(tmp_path, "package")


def activations(actor: Any) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action="model.activated").order_by("id"))


@pytest.mark.django_db
def test_registering_twice_is_registering_once(package: Path) -> None:
    first = opinions.registered(package)
    assert opinions.registered(package) == first
    assert ModelVersion.objects.count() == 1
    assert not first.active
    assert first.manifest["weights"]["sha256"] == first.sha256


@pytest.mark.django_db
def test_a_package_with_other_weights_is_refused(package: Path) -> None:
    weights = package / "weights.npz"
    weights.write_bytes(weights.read_bytes() + b"\x00")
    with pytest.raises(Invalid, match="SHA-256"):
        opinions.registered(package)
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_the_same_version_with_another_manifest_is_refused(package: Path) -> None:
    first = opinions.registered(package)
    manifest = package / "manifest.toml"
    manifest.write_text(manifest.read_text().replace('intended_use = "', 'intended_use = "Now '))
    with pytest.raises(Conflict):
        opinions.registered(package)
    assert list(ModelVersion.objects.all()) == [first]


@pytest.mark.django_db
def test_the_same_weights_under_another_version_are_refused(package: Path) -> None:
    first = opinions.registered(package)
    manifest = package / "manifest.toml"
    manifest.write_text(
        manifest.read_text().replace(f'version = "{first.version}"', 'version = "9.9.9"')
    )
    with pytest.raises(Conflict, match=str(first)):
        opinions.registered(package)
    with pytest.raises(CommandError, match=str(first)):
        call_command("register_model", str(package), "--activate")
    assert list(ModelVersion.objects.all()) == [first]
    assert not ModelVersion.objects.filter(active=True).exists()


def test_an_administrator_activates(administrator: Any) -> None:
    old, new = opinions.model("1"), opinions.model("2", active=False)
    assert models.activate(actor=administrator, model_id=new.pk) == new
    assert list(ModelVersion.objects.filter(active=True)) == [new]
    (event,) = activations(administrator)
    assert (event.object_id, event.detail) == (str(new.pk), {"sha256": new.sha256})
    models.activate(actor=administrator, model_id=old.pk)
    assert list(ModelVersion.objects.filter(active=True)) == [old]


def test_every_clinic_is_told_who_activated(administrator: Any, stranger: Any) -> None:
    """One model answers for the whole server, so the change is in each clinic's audit."""
    opinions.model("1")
    new = opinions.model("2", active=False)
    models.activate(actor=administrator, model_id=new.pk)
    for clinic in (administrator, stranger):
        (event,) = activations(clinic)
        assert (event.object_id, event.role) == (str(new.pk), "administrator")
        assert (event.clinic_id, event.actor_id) == (clinic.clinic_id, administrator.user.pk)


@pytest.mark.parametrize("role", ["doctor", "technician"])
def test_nobody_else_activates(request: Any, role: str) -> None:
    actor = request.getfixturevalue(role)
    old, new = opinions.model("1"), opinions.model("2", active=False)
    with pytest.raises(Forbidden):
        models.activate(actor=actor, model_id=new.pk)
    assert list(ModelVersion.objects.filter(active=True)) == [old]
    assert activations(actor) == []


def test_an_unknown_model_changes_nothing(administrator: Any) -> None:
    old = opinions.model()
    with pytest.raises(NotFound):
        models.activate(actor=administrator, model_id=administrator.clinic_id)
    assert list(ModelVersion.objects.filter(active=True)) == [old]
    assert activations(administrator) == []


def test_each_modality_has_its_own_active_model(administrator: Any) -> None:
    dermoscopy = opinions.model("1")
    clinical = opinions.model("2", active=False, modality="clinical")
    models.activate(actor=administrator, model_id=clinical.pk)
    assert set(ModelVersion.objects.filter(active=True)) == {dermoscopy, clinical}


@pytest.mark.django_db
def test_two_active_models_are_refused_by_the_database() -> None:
    opinions.model("1")
    with pytest.raises(IntegrityError, match="one_active_model"), transaction.atomic():
        opinions.model("2")
    assert ModelVersion.objects.count() == 1


def test_the_command_registers_and_activates(administrator: Any, package: Path) -> None:
    opinions.model("old")
    out = StringIO()
    with acting_as("owner"):
        call_command("register_model", str(package), "--activate", stdout=out)
    active = ModelVersion.objects.get(active=True)
    assert active.name in out.getvalue() and "is active" in out.getvalue()
    (event,) = activations(administrator)
    assert (event.object_id, event.role) == (str(active.pk), "system")


def test_the_command_activates_the_first_model_and_no_other(
    administrator: Any, package: Path
) -> None:
    out = StringIO()
    with acting_as("owner"):
        call_command("register_model", str(package), "--activate-if-none", stdout=out)
    first = ModelVersion.objects.get(active=True)
    assert "is active" in out.getvalue()
    newer = opinions.model("newer", active=False)
    models.activate(actor=administrator, model_id=newer.pk)
    with acting_as("owner"):
        call_command("register_model", str(package), "--activate-if-none", stdout=out)
    assert list(ModelVersion.objects.filter(active=True)) == [newer]
    told = [event.object_id for event in activations(administrator)]
    assert sorted(told) == sorted([str(first.pk), str(newer.pk)])


@pytest.mark.django_db
def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="manifest"):
        call_command("register_model", str(tmp_path))
    assert not ModelVersion.objects.exists()
