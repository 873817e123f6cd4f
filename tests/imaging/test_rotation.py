"""`rotate_keys`: images, originals, thumbnails, reports' PDFs and columns, while work goes on."""

import base64
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from demo.dermoscopy import draw
from dermaclinic.accounts import factor_secrets
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from imaging import key_checks, services as imaging
from imaging.models import Instance
from imaging.services import rotation
from imaging.storage import vault
from patients import sealed, selectors, services
from patients.models import PatientChange, PatientContact
from tests import factories
from tests.accounts import signing_in
from tests.imaging import files, taking

OLD, NEW = (base64.b64encode(bytes([n, *range(1, 32)])).decode() for n in (200, 201))
REACHED = {"phone": "+44 20 7946 0018", "identifier_system": "nhs", "identifier": "943 476 5919"}


@pytest.fixture
def scene(settings: Any, technician: Any, stranger: Any) -> Any:
    """Two clinics' images and contact data under the old key; the new key has just come in."""
    settings.VAULT_KEYS = f"old:{OLD}"
    key_checks.refuse_wrong_keys()
    for actor in (technician, stranger):
        patient = factories.patient(actor, **REACHED)
        services.change_patient(actor=actor, patient_id=patient.pk, version=1, phone="112 000")
        study = factories.study(actor, patient)
        drawing = draw(taking.SPEC, 1)
        tags = {name: getattr(patient, name) for name in services.IDENTITY}
        imaging.ingest(actor=actor, study_id=study.pk, data=taking.dicom(drawing, **tags),
                       filename="1.dcm")  # fmt: skip
        imaging.ingest(actor=actor, study_id=study.pk, data=files.jpeg(), filename="2.jpg")
    signing_in.with_app(factories.user(technician))  # a code app's secret
    settings.VAULT_KEYS = f"new:{NEW},old:{OLD}"
    return patient


def run(*options: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def contents(actor: Any) -> list[Any]:
    """All that a clinic can open: bytes of its images and text of its columns."""
    with clinic_context(actor.clinic_id):
        found = [
            vault().get(name)
            for instance in Instance.objects.order_by("created_at")
            for name in (instance.image_name, instance.thumbnail_name, instance.original_name)
            if name
        ]
        rows = [*PatientContact.objects.all(), *PatientChange.objects.all()]
        columns = [sealed.open_(row, c) for row in rows for c in sealed.COLUMNS[type(row)]]
    assert len(found) == 5 and "112 000" in columns
    return [*found, *columns]


def test_everything_moves_to_the_new_key_and_stays_what_it_was(
    settings: Any, scene: Any, technician: Any, stranger: Any
) -> None:
    before = [contents(actor) for actor in (technician, stranger)]
    objects = len(list(vault().names()))
    assert objects == 10
    counted = run("--dry-run")
    assert f"{objects} objects need the key old." in counted
    assert "7 values need the key old." in counted
    assert rotation.outstanding(vault()).total == objects + 7, "a dry run changes nothing"

    said = run()
    assert f"{objects} objects and 7 values are now under new." in said
    assert "No longer needed: old." in said
    assert "Nothing needs another key" in run("--dry-run")
    settings.VAULT_KEYS = f"new:{NEW}"
    key_checks.refuse_wrong_keys()
    row = Authenticator.objects.get()
    assert len(factor_secrets.opened(row)) == 32, "the code app still works"
    assert row.data["last"] == 0
    assert [contents(actor) for actor in (technician, stranger)] == before
    assert selectors.search(actor=stranger, q="9434765919") == [scene]


def test_each_clinics_audit_is_told(scene: Any, technician: Any, stranger: Any) -> None:
    run()
    for actor in (technician, stranger):
        with clinic_context(actor.clinic_id):
            began, ended = Event.objects.filter(action__startswith="keys.").order_by("id")
        assert (began.action, ended.action) == ("keys.rotation_started", "keys.rotated")
        assert began.detail == {"to": "new"}
        assert ended.detail == {"to": "new", "objects": 10, "values": 3, "retired": ["old"]}
        assert ended.role == "system"


@pytest.mark.parametrize("cut", [1, 4, 9, 11, 13])
def test_interrupted_it_goes_on_where_it_stopped(
    settings: Any, scene: Any, technician: Any, cut: int
) -> None:
    before = contents(technician)

    class Cut(BaseException):
        pass

    steps = iter(range(100))

    def stop() -> None:
        if next(steps) == cut:
            raise Cut

    with pytest.raises(Cut):
        rotation.rotate(vault(), progress=stop)
    left = rotation.outstanding(vault()).total
    assert 0 < left < 17
    assert contents(technician) == before
    assert key_checks.answered(vault()) == {"old", "new"}, "the old key is still asked for"
    done = rotation.rotate(vault())
    assert done.objects + done.values == left, "what was done is not done again"
    settings.VAULT_KEYS = f"new:{NEW}"
    assert contents(technician) == before


def test_a_damaged_object_is_named_and_keeps_the_old_key_needed(
    settings: Any, scene: Any, technician: Any
) -> None:
    name = next(iter(vault().names()))
    path = settings.VAULT_DIR / name[:2] / name[2:4] / name
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(CommandError, match="still needed"):
        run()
    assert f"Object {name} is damaged." in run("--dry-run")
    assert "old" in key_checks.answered(vault())
    assert path.read_bytes() == b"\xff" * path.stat().st_size


def test_with_wrong_keys_nothing_is_touched(settings: Any, scene: Any, technician: Any) -> None:
    settings.VAULT_KEYS = f"new:{NEW}"
    with pytest.raises(CommandError, match="sealed under the key old"):
        run()
    settings.VAULT_KEYS = f"new:{NEW},old:{NEW[:-4]}AA8="
    with pytest.raises(CommandError, match="not the one"):
        run()
    settings.VAULT_KEYS = f"old:{OLD}"
    assert rotation.outstanding(vault()).total == 0
    with clinic_context(technician.clinic_id):
        assert not Event.objects.filter(action__startswith="keys.").exists()


def test_what_comes_in_meanwhile_is_under_the_new_key(scene: Any, technician: Any) -> None:
    factories.patient(technician, phone="+44 20 7946 0100")
    vault().put("ab" * 32, b"new")
    found = rotation.outstanding(vault())
    assert found.objects == {"old": 10}
    assert found.values == {"old": 7}
