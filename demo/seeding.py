"""Brings the demo's cast into the record, through the same doors as everybody.

Registering, uploading, assessing and signing are the product's own services: what the network
declines stays declined, what the clinic refuses stays refused. A run that was interrupted goes on
where it stopped.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from demo import people
from demo.dermoscopy import draw
from demo.dicom import PatientTags, StudyTags, as_dicom
from demo.lesions import Kind
from demo.whereabouts import whereabouts
from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.models import Clinic, Membership
from dermaclinic.accounts.services import create_clinic, create_member
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Study
from imaging.services import Quarantined, UploadRefused, ingest, start_study
from inference.models import Prediction, Status
from inference.network.classes import CLASSES
from patients.models import Lesion, Patient
from patients.services import add_lesion, record_consents, register_patient
from reports import veil
from reports.diagnoses import DIAGNOSES
from reports.models import Assessment, Phrase, Report
from reports.services import phrases
from reports.services.assessments import keep_assessment, record_assessment
from reports.services.composing import compose
from reports.services.signing import sign

MANAGEMENT = {
    "mel": "excise",
    "bcc": "excise",
    "akiec": "refer",
    "nv": "monitor",
    "bkl": "discharge",
    "df": "discharge",
    "vasc": "discharge",
}


@dataclass(frozen=True)
class Picture:
    """A file to upload and the lesion that it shows (an index into the patient's lesions)."""

    lesion: int
    data: bytes
    filename: str


@dataclass(frozen=True)
class Visit:
    """An occasion, how many pictures were taken, and how to make them."""

    when: datetime
    size: int
    pictures: Callable[[], Iterator[Picture]]


@dataclass(frozen=True)
class Case:
    """A patient to bring in. `lesions` are arguments of `add_lesion`, `truth` their class keys."""

    clinic: str
    identity: dict[str, Any]
    consents: dict[str, bool]
    lesions: list[dict[str, Any]]
    truth: list[str]
    visits: list[Visit]


def clinics(password: str) -> dict[str, Clinic]:
    """Both clinics with their staff, made once; by slug. Call it as the database's owner."""
    made = {}
    for planned in people.CLINICS:
        clinic = Clinic.objects.filter(name=planned.name).first()
        clinic = clinic or create_clinic(name=planned.name, synthetic=True)
        for staff in planned.staff:
            if not Membership.objects.filter(clinic=clinic, user__email=staff.email).exists():
                create_member(
                    clinic=clinic,
                    email=staff.email,
                    full_name=f"{staff.given_name} {staff.family_name}",
                    password=password,
                    role=staff.role,
                )
        made[planned.slug] = clinic
    return made


def actor(clinic: Clinic, role: str) -> Actor:
    """The demo's member of that role; of the two doctors the one who does the first reading."""
    staff = next(each.staff for each in people.CLINICS if each.name == clinic.name)
    email = next(each.email for each in staff if each.role == role)
    members = Membership.objects.select_related("user")
    return member_actor(members.get(clinic=clinic, user__email=email), request_id="seed_demo")


def with_rules(administrator: Actor) -> None:
    """The demo's people have no telephones: in their clinics a password is enough.

    Melanomas are read twice, so that the second doctor finds something to read. Only while nothing
    has been set: what somebody tries out in the demo stays.
    """
    with clinic_context(administrator.clinic_id):
        untouched = clinic_settings.current() is None
    if untouched:
        clinic_settings.change(
            actor=administrator,
            number=0,
            mfa_roles=[],
            second_read_codes=[each.code for each in CLASSES if each.key == "mel"],
        )


def with_phrases(doctor: Actor) -> None:
    """A list to try the phrases with, unless the clinic has had one."""
    with clinic_context(doctor.clinic_id):
        untouched = not Phrase.objects.exists()
    if untouched:
        phrases.start(actor=doctor)


def drawn_cases(count: int, *, today: date) -> list[Case]:
    """The invented patients, their images drawn when they are needed."""
    return [_drawn(person) for person in people.patients(count, today=today)]


def _drawn(person: people.Person) -> Case:
    kinds: list[Kind] = [lesion.drawn.kind for lesion in person.lesions]
    return Case(
        clinic=person.clinic,
        identity={
            name: getattr(person, name)
            for name in ("mrn", "family_name", "given_name", "birth_date", "sex")
        },
        consents=asdict(person.consents),
        lesions=[
            whereabouts(lesion.body_site, lesion.laterality, turn=lesion.drawn.seed)
            for lesion in person.lesions
        ],
        truth=[kind.ham10000 for kind in kinds],
        visits=[
            Visit(visit.when.replace(tzinfo=UTC), len(visit.shots), partial(_shots, person, visit))
            for visit in person.visits
        ],
    )


def _shots(person: people.Person, visit: people.Visit) -> Iterator[Picture]:
    tags = PatientTags(
        person.family_name, person.given_name, person.mrn, person.birth_date, person.sex
    )
    for number, shot in enumerate(visit.shots, start=1):
        drawing = draw(shot.spec, shot.seed)
        place = person.lesions[shot.lesion - 1]
        if shot.as_dicom:
            study = StudyTags(
                key=f"{person.clinic}/{person.mrn}/{visit.when.isoformat()}",
                acquired_at=visit.when,
                body_site=place.body_site,
                laterality=place.laterality,
            )
            data = as_dicom(drawing, patient=tags, study=study, instance_number=number)
            yield Picture(shot.lesion - 1, data, f"{number}.dcm")
        else:
            yield Picture(shot.lesion - 1, drawing.as_jpeg(), f"{number}.jpg")


def bring_in(case: Case, technician: Actor) -> int:
    """Register the patient, record consents, start visits, upload; the number of new images."""
    with clinic_context(technician.clinic_id):
        patient = Patient.objects.filter(mrn=case.identity["mrn"]).first()
    if patient is None:
        patient = register_patient(actor=technician, **case.identity)
    record_consents(actor=technician, patient_id=patient.pk, decisions=case.consents)
    with clinic_context(technician.clinic_id):
        lesions = list(Lesion.objects.filter(patient=patient).order_by("number"))
        visits = {study.acquired_at: study for study in Study.objects.filter(patient=patient)}
    lesions += [
        add_lesion(actor=technician, patient_id=patient.pk, **place)
        for place in case.lesions[len(lesions) :]
    ]
    uploaded = 0
    for visit in case.visits:
        study = visits.get(visit.when) or start_study(
            actor=technician, patient_id=patient.pk, acquired_at=visit.when
        )
        if _arrived(technician, study) >= visit.size:
            continue
        for picture in visit.pictures():
            try:
                result = ingest(
                    actor=technician,
                    study_id=study.pk,
                    data=picture.data,
                    filename=picture.filename,
                    lesion_id=lesions[picture.lesion].pk,
                )
            except (UploadRefused, Quarantined):
                continue  # on record, as everybody's
            uploaded += result.created
    return uploaded


def _arrived(technician: Actor, study: Study) -> int:
    """How many pictures of a visit were taken in, refused or held."""
    with clinic_context(technician.clinic_id):
        return study.instances.count() + study.rejections.count() + study.quarantined.count()


def waiting(clinic: Clinic) -> int:
    """How many opinions are still to come."""
    with clinic_context(clinic.pk):
        return Prediction.objects.filter(status__in=[Status.QUEUED, Status.RUNNING]).count()


def review_past(case: Case, doctor: Actor, *, password: str) -> None:
    """Assess and sign every visit but the newest, as a doctor who knows the lesion would."""
    with clinic_context(doctor.clinic_id):
        patient = Patient.objects.get(mrn=case.identity["mrn"])
        studies = list(Study.objects.filter(patient=patient).order_by("acquired_at"))[:-1]
        lesions = list(Lesion.objects.filter(patient=patient).order_by("number"))
        assessed = set(
            Assessment.objects.standing()
            .filter(study__in=studies)
            .values_list("study_id", "lesion_id")
        )
        reported = set(
            Report.objects.filter(study__in=studies, status="signed").values_list(
                "study_id", flat=True
            )
        )
    for study in studies:
        for lesion, truth in zip(lesions, case.truth, strict=False):
            with clinic_context(doctor.clinic_id):
                pictured = study.instances.filter(lesion=lesion).exists()
            if pictured and (study.pk, lesion.pk) not in assessed:
                _assess(doctor, study, lesion, truth)
        if study.pk not in reported:
            _report(doctor, study, password)


def _assess(doctor: Actor, study: Study, lesion: Lesion, truth: str) -> None:
    management = MANAGEMENT[truth]
    tomorrow = timezone.localdate() + timedelta(days=1)
    due = max(study.acquired_at.date() + timedelta(days=182), tomorrow)
    reason = "The dermoscopic structures fit this diagnosis better (synthetic demo case)."
    made = record_assessment(
        actor=doctor,
        study_id=study.pk,
        lesion_id=lesion.pk,
        diagnoses=[next(d.code for d in DIAGNOSES.values() if d.model_class == truth)],
        management=management,
        due=due if management == "monitor" else None,
        reason=reason,
    )
    if veil.unconfirmed(made):
        keep_assessment(actor=doctor, assessment_id=made.pk, reason=reason)


def _report(doctor: Actor, study: Study, password: str) -> None:
    with clinic_context(doctor.clinic_id):
        newest: dict[Any, Any] = {}
        for row in Assessment.objects.standing().filter(study=study).order_by("version"):
            newest[row.lesion_id] = row.pk
    if newest:
        draft = compose(actor=doctor, assessment_ids=list(newest.values()))
        sign(actor=doctor, report_id=draft.pk, password=password)


def first_day(made: dict[str, Clinic]) -> date:
    """The day of the first seeding: the cast depends on it, so that a second run finds itself."""
    return min(clinic.created_at for clinic in made.values()).date()
