"""One clinic with a row of everything that an address can name, made once for all addresses.

The attributes of `Scene` are what the expected table speaks of: parts of addresses
(`patient_id`), rows in a certain state (`signed`, `unasked`), and what bodies say.
"""

import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import Any
from unittest import mock

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.invitations import invite
from dermaclinic.accounts.models import ApiToken, Clinic, Membership
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Quarantine
from imaging.services import Quarantined, begin_upload, ingest, receive_part
from imaging.storage import name_for, vault
from inference.models import ModelVersion
from inference.services import models, shadow
from patients.merging.services import merge_patients
from patients.services import record_consents
from reports import passes
from reports.models import Report
from reports.second_reading import rules, services
from reports.services import phrases
from reports.services.claims import claim_study
from reports.services.histology import record_histology
from tests import factories, opinions
from tests.database import acting_as
from tests.imaging.taking import dicom
from tests.inference import second
from tests.reports import scenes, second as second_readings

NAME = "Testperson"
HELD_MRN = "HELD-1"


class Scene:
    """`clinic` and everything in it that is named below; `people` are its members, by role."""

    name = NAME
    password = factories.PASSWORD

    def __init__(self, clinic: Clinic, drawing: Any) -> None:
        self.clinic = clinic
        self.people: dict[str, Actor] = {
            role: factories.actor(clinic, role)
            for role in ("technician", "doctor", "administrator")
        }
        self._drawing = drawing
        self.today = timezone.localdate().isoformat()
        self._models()
        self._visits()
        self._reports()
        self._held()
        self._merged()
        self._second()
        self._case()
        self._people()

    @property
    def doctor(self) -> Actor:
        return self.people["doctor"]

    @property
    def text(self) -> str:
        """A fresh pass, the doctor's, to the picture of the confirmed lesion."""
        return passes.issue(self.doctor, self._case_image)

    def file(self) -> SimpleUploadedFile:
        """A photograph that is not on record."""
        return SimpleUploadedFile("new.jpg", opinions.picture(777), "image/jpeg")

    def _models(self) -> None:
        """One that answers, one that answered before it, and one to run in the shadow."""
        administrator = self.people["administrator"]
        chosen = second.model()
        with acting_as("owner"):
            ModelVersion.objects.filter(pk=chosen.pk).update(active=False)
        resting = opinions.model("3", active=False)
        for each in (resting, chosen):
            models.activate(actor=administrator, model_id=each.pk)
        self.model_id, self.resting_model = chosen.pk, resting.pk
        self._shadow = opinions.model("4", active=False)

    def _visits(self) -> None:
        """A lesion with an image, an opinion on it and an assessment; a visit to move it to."""
        study, [lesion], [image] = scenes.visit(self.doctor)
        opinion = scenes.finish(
            self.doctor, image, result=second.result(), embedding=None, **second.columns()
        )
        self.patient_id, self.mrn = study.patient_id, study.patient.mrn
        self.study_id, self.lesion_id, self.instance_id = study.pk, lesion.pk, image.pk
        self.prediction_id = opinion.pk
        self.assessment_id = scenes.assess(self.doctor, study, lesion, reason="by daylight").pk
        blind, [lesion], [image] = scenes.visit(self.doctor)
        scenes.finish(self.doctor, image)
        self.first_impression = scenes.assess(self.doctor, blind, lesion, scenes.SCC).pk
        earlier = timezone.now() - timedelta(days=1)
        self.other_study = factories.study(self.doctor, study.patient, acquired_at=earlier).pk
        self.upload_id, self.whole_upload = self._upload(parts=False), self._upload(parts=True)
        claimed, _lesions, _images = scenes.visit(self.doctor)
        claim_study(actor=self.doctor, study_id=claimed.pk)
        self.claimed = claimed.pk
        _study, _lesions, [unasked] = scenes.visit(self.doctor, consent=False)
        agreed = {"ai_opinion": True}
        record_consents(actor=self.doctor, patient_id=unasked.patient_id, decisions=agreed)
        self.unasked = unasked.pk
        shadow.start(actor=self.people["administrator"], model_id=self._shadow.pk)
        self.shadow_model = self._shadow.pk

    @property
    def whole_file(self) -> bytes:
        """What the doctor's uploads are to become."""
        return opinions.picture(779)

    def _upload(self, *, parts: bool) -> Any:
        """The doctor has begun to send a file; with `parts` all of its bytes are there."""
        size = len(self.whole_file)
        begun = begin_upload(actor=self.doctor, study_id=self.study_id, length=size).upload
        assert begun is not None
        if parts:
            receive_part(actor=self.doctor, upload_id=begun.pk, offset=0, data=self.whole_file)
        return begun.pk

    def _reports(self) -> None:
        """A draft, a signed report with its PDF, and one whose PDF failed."""
        self.report_id = scenes.draft(self.doctor)[0].pk
        signed = scenes.signed(self.doctor)[0]
        data = b"%PDF-1.7 of the scene"
        pdf_name = name_for(self.clinic.pk, signed.patient_id, hashlib.sha256(data).hexdigest())
        vault().put(pdf_name, data)
        self._pdf(signed, pdf_status="ready", pdf_name=pdf_name)
        failed = scenes.signed(self.doctor)[0]
        self._pdf(failed, pdf_status="failed", pdf_error="no paper")
        self.signed, self.failed = signed.pk, failed.pk

    def _pdf(self, report: Report, **values: Any) -> None:
        with clinic_context(self.clinic.pk), acting_as("worker"):
            Report.objects.filter(pk=report.pk).update(**values)

    def _merged(self) -> None:
        """A record that may be merged, and one that was."""
        self.other_id = factories.patient(self.doctor, consent=False).pk
        survivor, closed = (factories.patient(self.doctor).pk for _ in range(2))
        self.merge_id = merge_patients(
            actor=self.doctor, survivor_id=survivor, other_id=closed, reason="registered twice"
        ).pk
        self.merged = survivor

    def _held(self) -> None:
        """An image whose file names another record number than the patient's."""
        patient = factories.patient(self.doctor, mrn=HELD_MRN, given_name="Jo")
        study = factories.study(self.doctor, patient)
        data = dicom(self._drawing, mrn="HELD-2")
        with suppress(Quarantined):
            ingest(actor=self.doctor, study_id=study.pk, data=data)
        with clinic_context(self.clinic.pk):
            self.quarantine_id = Quarantine.objects.get().pk

    def _second(self) -> None:
        """A lesion whose second reader the doctor is, and one that two doctors read differently."""
        colleague = factories.actor(self.clinic, "doctor")
        always = mock.patch.object(rules, "reason_for", return_value=rules.Reason.CONDITION)
        readings = []
        with always:
            for _each in range(2):
                study, [lesion], _images = scenes.visit(colleague)
                made = scenes.assess(colleague, study, lesion, scenes.MELANOMA, management="excise")
                [reading] = second_readings.asked(self.doctor, first=made)
                services.claim(actor=self.doctor, reading_id=reading.pk)
                readings.append(reading)
        waiting, disputed = readings
        second_readings.read(self.doctor, disputed, scenes.NEVUS, management="discharge")
        self.proposal_id = second_readings.proposed(colleague, disputed).pk
        self.own_proposal = second_readings.proposed(self.doctor, disputed).pk
        self.reading_id, self.disputed = waiting.pk, disputed.pk

    def _case(self) -> None:
        """A lesion that histology has confirmed."""
        _study, [lesion], [image] = scenes.visit(self.doctor)
        record_histology(
            actor=self.doctor,
            lesion_id=lesion.pk,
            diagnosis=scenes.MELANOMA,
            reported_on=timezone.localdate(),
        )
        self._case_image = image.pk
        self.phrase_id = phrases.add(
            actor=self.doctor,
            abbreviation="sk",
            diagnoses=[scenes.KERATOSIS],
            management="discharge",
        ).pk

    def _people(self) -> None:
        """Somebody else with a token and a second factor, a former member, an invitation."""
        somebody = factories.membership(self.clinic, "technician")
        self.email, self.membership_id = somebody.user.email, somebody.pk
        self.token_id = ApiToken.issue(somebody)[0].pk
        self.factor_id = Authenticator.objects.create(
            user=somebody.user, type="recovery_codes", data={}
        ).pk
        former = factories.membership(self.clinic, "technician")
        self.leave(former)
        self.former_membership = former.pk
        doctor = Membership.objects.get(user=self.doctor.user, clinic=self.clinic)
        self.doctors_token = ApiToken.issue(doctor)[0].pk
        store = SessionStore()
        store.create()
        self.session_id = UserSession.objects.create(
            user=self.doctor.user, session_key=store.session_key, ip="192.0.2.7"
        ).pk
        administrator = self.people["administrator"]
        invited, self.token = invite(
            actor=administrator, email="invited@clinic.example", role="technician"
        )
        self.clinic_id, self.invitation_id = self.clinic.pk, invited.pk

    def leave(self, membership: Membership) -> None:
        """Somebody is a member no longer; what they hold (a session, a token) is left as it is.

        So the door itself is asked, and not what was tidied up behind them.
        """
        with acting_as("owner"):
            Membership.objects.filter(pk=membership.pk).update(is_active=False)
