"""More rows of everything around the scene of the permissions' table: every list gets longer."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from unittest import mock

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.invitations import invite
from dermaclinic.accounts.models import ApiToken, Membership
from imaging.models import Study
from imaging.services import Quarantined, UploadRefused, ingest
from patients.models import Lesion, Patient
from patients.services import change_patient, record_consents
from reports.models import Histology
from reports.second_reading import rules
from reports.services import phrases
from reports.services.claims import claim_study
from reports.services.composing import compose
from reports.services.histology import record_histology
from reports.services.signing import sign
from tests import factories, opinions
from tests.imaging.taking import dicom
from tests.permissions.scene import Scene
from tests.reports import scenes, second

_numbers = itertools.count(1)


@contextmanager
def all_read_twice() -> Iterator[None]:
    """Whatever is assessed meanwhile goes to a second reader."""
    with mock.patch.object(rules, "reason_for", return_value=rules.Reason.CONDITION):
        yield


def grow(scene: Scene, drawing: Any) -> None:
    """One row more of everything; the images, visits and reports are mostly of one patient."""
    number = next(_numbers)
    _visits(scene, number)
    _patient(scene, number)
    _other_patients(scene, number, drawing)
    _people(scene, number)
    opinions.model(f"more-{number}", active=False)
    phrases.add(
        actor=scene.doctor,
        abbreviation=f"m{number}",
        diagnoses=[scenes.NEVUS],
        management="discharge",
    )


def _visits(scene: Scene, number: int) -> None:
    """Of the scene's patient: a lesion more at the visit, a visit more of the lesion, a report."""
    doctor = scene.doctor
    patient = Patient.objects.get(pk=scene.patient_id)
    study = Study.objects.get(pk=scene.study_id)
    lesion = Lesion.objects.get(pk=scene.lesion_id)
    another = factories.lesion(doctor, patient)
    scenes.finish(doctor, scenes.image(doctor, study, another))
    scenes.assess(doctor, study, another, reason="by daylight")
    open_one = factories.lesion(doctor, patient)
    scenes.finish(doctor, scenes.image(doctor, study, open_one))
    scenes.image(doctor, study)
    scenes.finish(doctor, scenes.image(doctor, study, lesion))
    scenes.assess(doctor, study, lesion, reason="by daylight", comment=f"the {number}th time")
    earlier = timezone.now() - timedelta(days=30 * number)
    before = factories.study(doctor, patient, acquired_at=earlier)
    scenes.finish(doctor, scenes.image(doctor, before, lesion))
    made = scenes.assess(doctor, before, lesion, reason="by daylight")
    draft = compose(actor=doctor, assessment_ids=[made.pk])
    sign(actor=doctor, report_id=draft.pk, password=factories.PASSWORD)
    with suppress(UploadRefused):
        ingest(actor=doctor, study_id=study.pk, data=b"not an image %d" % number)


def _patient(scene: Scene, number: int) -> None:
    doctor = scene.doctor
    record_consents(
        actor=doctor, patient_id=scene.patient_id, decisions={"teaching": number % 2 == 0}
    )
    patient = Patient.objects.get(pk=scene.patient_id)
    change_patient(
        actor=doctor,
        patient_id=patient.pk,
        version=patient.version,
        given_name=f"Changed {number}",
        family_name=patient.family_name,
        birth_date=patient.birth_date,
        sex=patient.sex,
        mrn=patient.mrn,
    )
    versions = Histology.objects.filter(lesion_id=scene.lesion_id).count()
    record_histology(
        actor=doctor,
        lesion_id=scene.lesion_id,
        diagnosis=(scenes.MELANOMA, scenes.NEVUS)[number % 2],
        reported_on=timezone.localdate(),
        reason="read again" if versions else "",
    )


def _other_patients(scene: Scene, number: int, drawing: Any) -> None:
    """One who waits, one who is claimed, one with a confirmed case, and a file that is held."""
    doctor = scene.doctor
    _study, _lesions, [image] = scenes.visit(doctor, lesions=1)
    scenes.finish(doctor, image)
    taken, _lesions, _images = scenes.visit(doctor)
    claim_study(actor=doctor, study_id=taken.pk)
    with all_read_twice():
        study, [lesion], _images = scenes.visit(_colleague(scene))
        scenes.assess(_colleague(scene), study, lesion, scenes.MELANOMA, management="excise")
    held = factories.study(doctor, factories.patient(doctor, mrn=f"HELD-{number}-A"))
    with suppress(Quarantined):
        ingest(actor=doctor, study_id=held.pk, data=dicom(drawing, mrn=f"HELD-{number}-B"))


def _colleague(scene: Scene) -> Actor:
    """The doctor who reads first; always the same one."""
    found = second.asked(scene.doctor)[0].first.author
    return Actor(clinic_id=scene.clinic.pk, role="doctor", user=found, address="192.0.2.1")


def _people(scene: Scene, number: int) -> None:
    """A member, an invitation; a token and a session of each of the scene's people."""
    factories.membership(scene.clinic, "technician")
    invite(
        actor=scene.people["administrator"],
        email=f"invited{number}@clinic.example",
        role="technician",
    )
    for actor in scene.people.values():
        member = Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)
        ApiToken.issue(member)
        store = SessionStore()
        store.create()
        UserSession.objects.create(user=actor.person, session_key=store.session_key, ip="192.0.2.8")
