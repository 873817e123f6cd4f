"""How every door to patient data is opened once, in the scene of the permissions' matrix.

A door is a public function of a `services` or `selectors` module on the floors that hold patients'
data which takes an actor or opens a clinic's context itself.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from django.utils import timezone

from imaging.day import today
from imaging.models import Instance, Study
from inference.models import ModelVersion, Prediction
from patients.body_map.places import Place
from reports.models import Assessment, SecondReading
from reports.selectors.worklist import worklist_studies
from reports.services.session import Wanted
from tests import opinions

FLOORS = ("patients", "imaging", "inference", "reports")
ROOMS = ("services", "selectors", "consensus")


def doors() -> set[str]:
    """The names of all doors, `module.function`."""
    found = set()
    for module in _modules():
        tree = ast.parse(inspect.getsource(module))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            arguments = {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
            opens = any(
                isinstance(each, ast.Name) and each.id == "clinic_context"
                for each in ast.walk(node)
            )
            if "actor" in arguments or opens:
                found.add(f"{module.__name__}.{node.name}")
    return found


def _modules() -> Iterator[Any]:
    for floor in FLOORS:
        package = importlib.import_module(floor)
        for info in pkgutil.iter_modules(package.__path__):
            if info.name not in ROOMS:
                yield from _rooms_inside(f"{floor}.{info.name}", is_package=info.ispkg)
                continue
            room = importlib.import_module(f"{floor}.{info.name}")
            yield room
            for inner in pkgutil.iter_modules(getattr(room, "__path__", [])):
                yield importlib.import_module(f"{room.__name__}.{inner.name}")


def _rooms_inside(name: str, *, is_package: bool) -> Iterator[Any]:
    """A package within a floor may have rooms of its own."""
    path = importlib.import_module(name).__path__ if is_package else []
    for info in pkgutil.iter_modules(path):
        if info.name in ROOMS:
            yield importlib.import_module(f"{name}.{info.name}")


def function(name: str) -> Callable[..., Any]:
    """The function behind a door's name."""
    module, _dot, own = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), own)
    return found


class Given:
    """Rows of the scene as objects, fetched before anybody watches."""

    def __init__(self, scene: Any) -> None:
        self.instance = Instance.objects.select_related("patient").get(pk=scene.instance_id)
        self.unasked = Instance.objects.select_related("patient").get(pk=scene.unasked)
        self.study = Study.objects.select_related("patient").get(pk=scene.study_id)
        self.listed = list(worklist_studies(scene.doctor)[:1])
        self.prediction = Prediction.objects.get(pk=scene.prediction_id)
        self.shadow = ModelVersion.objects.get(pk=scene.shadow_model)
        readings = SecondReading.objects.select_related("first", "lesion", "patient", "study")
        self.second = readings.get(pk=scene.reading_id)
        self.second_image = Instance.objects.get(pk=self.second.first.images[0])
        self.disputed = readings.get(pk=scene.disputed)
        self.made = Assessment.objects.get(pk=scene.assessment_id)


Arguments = Callable[[Any, Given], tuple[tuple[Any, ...], dict[str, Any]]]


def with_actor(**named: Callable[[Any], Any]) -> Arguments:
    """Keyword arguments, taken from the scene, and the doctor as the actor."""
    return lambda s, g: ((), {"actor": s.doctor} | {k: take(s) for k, take in named.items()})


def in_place(*taken: Callable[[Any, Given], Any], **more: Any) -> Arguments:
    """The doctor first, then arguments in their places."""
    return lambda s, g: ((s.doctor, *(take(s, g) for take in taken)), more)


def by_administrator(**named: Callable[[Any], Any]) -> Arguments:
    """As `with_actor`, for what only an administrator may."""
    return lambda s, g: (
        (),
        {"actor": s.people["administrator"]} | {k: take(s) for k, take in named.items()},
    )


PERSON = {
    "mrn": lambda s: "NEW-9",
    "family_name": lambda s: s.name,
    "given_name": lambda s: "New",
    "birth_date": lambda s: date(1970, 1, 1),
    "sex": lambda s: "female",
}

CALLS: dict[str, Arguments] = {
    "patients.services.register_patient": with_actor(**PERSON),
    "patients.services.change_patient": with_actor(
        patient_id=lambda s: s.patient_id, version=lambda s: 1, given_name=lambda s: "Changed"
    ),
    "patients.services.record_consents": with_actor(
        patient_id=lambda s: s.patient_id, decisions=lambda s: {"teaching": False}
    ),
    "patients.services.add_lesion": with_actor(
        patient_id=lambda s: s.patient_id, body_site=lambda s: "back"
    ),
    "patients.services.change_lesion": with_actor(
        lesion_id=lambda s: s.lesion_id, body_site=lambda s: "abdomen"
    ),
    "patients.services.place_lesion": with_actor(
        lesion_id=lambda s: s.lesion_id,
        place=lambda s: Place.of_region("back", "shoulder_blade_left"),
        seen=lambda s: None,
    ),
    "patients.selectors.search": with_actor(q=lambda s: s.name),
    "patients.selectors.similar": with_actor(
        family_name=lambda s: "Nobody", birth_date=lambda s: date(1970, 1, 1)
    ),
    "patients.selectors.record": with_actor(patient_id=lambda s: s.patient_id),
    "patients.merging.selectors.likely": with_actor(patient_id=lambda s: s.patient_id),
    "patients.merging.selectors.preview": with_actor(
        survivor_id=lambda s: s.patient_id, other_id=lambda s: s.other_id
    ),
    "patients.merging.selectors.undo_preview": with_actor(merge_id=lambda s: s.merge_id),
    "patients.merging.selectors.merges": in_place(lambda s, g: [s.merged]),
    "patients.merging.services.merge_patients": with_actor(
        survivor_id=lambda s: s.patient_id,
        other_id=lambda s: s.other_id,
        reason=lambda s: "registered twice",
    ),
    "patients.merging.services.undo_merge": with_actor(
        merge_id=lambda s: s.merge_id, reason=lambda s: "two people"
    ),
    "imaging.selectors.visit": with_actor(study_id=lambda s: s.study_id),
    "imaging.selectors.visits": in_place(lambda s, g: s.patient_id),
    "imaging.selectors.open_quarantine": in_place(),
    "imaging.selectors.quarantine": with_actor(quarantine_id=lambda s: s.quarantine_id),
    "imaging.selectors.rendition": with_actor(
        instance_id=lambda s: s.instance_id, which=lambda s: "image"
    ),
    "imaging.selectors.instance": with_actor(instance_id=lambda s: s.instance_id),
    "imaging.selectors.latest_visits": with_actor(),
    "imaging.selectors.unfinished": in_place(),
    "imaging.selectors.visits_of_today": with_actor(day=lambda s: today()),
    "imaging.services.arriving.begin_upload": with_actor(
        study_id=lambda s: s.study_id, length=lambda s: 10
    ),
    "imaging.services.arriving.upload_state": with_actor(upload_id=lambda s: s.upload_id),
    "imaging.services.arriving.receive_part": with_actor(
        upload_id=lambda s: s.upload_id, offset=lambda s: 0, data=lambda s: b"some"
    ),
    "imaging.services.arriving.settle_upload": with_actor(upload_id=lambda s: s.whole_upload),
    "imaging.services.arriving.discard_upload": with_actor(upload_id=lambda s: s.upload_id),
    "imaging.services.arriving.sweep_uploads": lambda s, g: ((), {"clinic_id": s.clinic.pk}),
    "imaging.services.assigning.assign_images": with_actor(
        study_id=lambda s: s.study_id,
        image_ids=lambda s: [s.instance_id],
        lesion_id=lambda s: s.lesion_id,
    ),
    "imaging.services.assigning.take_back_assignment": with_actor(
        study_id=lambda s: s.study_id, former=lambda s: {s.instance_id: s.lesion_id}
    ),
    "imaging.services.visits_of_today.visit_of_today": with_actor(mrn=lambda s: s.mrn),
    "imaging.services.ingest.ingest": with_actor(
        study_id=lambda s: s.study_id, data=lambda s: opinions.picture(778)
    ),
    "imaging.services.ingest.target": in_place(lambda s, g: s.study_id, lambda s, g: None),
    "imaging.services.ingest.refuse_unread": with_actor(
        study_id=lambda s: s.study_id, size=lambda s: 10**9
    ),
    "imaging.services.modality.correct_modality": with_actor(
        instance_id=lambda s: s.instance_id, modality=lambda s: "dermoscopy"
    ),
    "imaging.services.moving.assign_lesion": with_actor(
        instance_id=lambda s: s.instance_id, lesion_id=lambda s: s.lesion_id
    ),
    "imaging.services.moving.move_instance": with_actor(
        instance_id=lambda s: s.instance_id,
        study_id=lambda s: s.other_study,
        reason=lambda s: "wrong day",
    ),
    "imaging.services.quarantine.resolve_quarantine": with_actor(
        quarantine_id=lambda s: s.quarantine_id,
        accept=lambda s: False,
        identifiers=lambda s: {},
        reason=lambda s: "another patient's",
    ),
    "imaging.services.studies.start_study": with_actor(patient_id=lambda s: s.patient_id),
    "inference.selectors.find": in_place(lambda s, g: s.prediction_id),
    "inference.selectors.newest": in_place(lambda s, g: [s.instance_id]),
    "inference.services.models.activate": by_administrator(model_id=lambda s: s.resting_model),
    "inference.services.models.roll_back": by_administrator(model_id=lambda s: s.model_id),
    "inference.services.models.deactivate": by_administrator(model_id=lambda s: s.model_id),
    "inference.services.requests.request_for": in_place(lambda s, g: g.unasked),
    "inference.services.requests.request_again": in_place(lambda s, g: g.instance),
    "inference.services.requests.request_first": with_actor(instance_id=lambda s: s.unasked),
    "inference.services.requests.rerun": with_actor(prediction_id=lambda s: s.prediction_id),
    "inference.services.shadow.queue_beside": in_place(
        lambda s, g: g.instance, lambda s, g: g.prediction
    ),
    "inference.services.shadow.set_aside": in_place(lambda s, g: g.instance),
    "inference.services.shadow.start": by_administrator(model_id=lambda s: s.resting_model),
    "inference.services.shadow.stop": by_administrator(model_id=lambda s: s.shadow_model),
    "reports.selectors.compare.aligned": (
        lambda s, g: ((s.doctor, s.lesion_id), {"left": s.instance_id, "right": s.instance_id})
    ),
    "reports.selectors.compare.comparison": in_place(lambda s, g: s.lesion_id),
    "reports.selectors.crops.crop": in_place(lambda s, g: s.text),
    "reports.selectors.histology.histology": in_place(lambda s, g: s.lesion_id),
    "reports.selectors.reports.report": in_place(lambda s, g: s.signed),
    "reports.selectors.reports.report_pdf": in_place(lambda s, g: s.signed),
    "reports.selectors.reports.reports_of_patient": in_place(lambda s, g: s.patient_id),
    "reports.selectors.review.review": in_place(lambda s, g: s.study_id),
    "reports.selectors.phrases.phrases": in_place(),
    "reports.selectors.session.session": in_place(),
    "reports.selectors.rows.image_rows": lambda s, g: (
        ([g.instance], [], set()),
        {"actor": s.doctor},
    ),
    "reports.selectors.shadow.comparisons": in_place(lambda s, g: g.shadow),
    "reports.selectors.similar.similar": in_place(lambda s, g: s.prediction_id),
    "reports.selectors.timeline.timeline": in_place(lambda s, g: s.lesion_id),
    "reports.selectors.timeline.standings": in_place(lambda s, g: s.patient_id),
    "reports.selectors.worklist.worklist_studies": in_place(),
    "reports.selectors.worklist.worklist_rows": in_place(lambda s, g: g.listed),
    "reports.selectors.worklist.worklist": in_place(),
    "reports.second_reading.selectors.listing": in_place(),
    "reports.second_reading.selectors.readable": in_place(),
    "reports.second_reading.selectors.waiting_rows": in_place(lambda s, g: [g.second]),
    "reports.second_reading.selectors.reading_page": in_place(lambda s, g: s.reading_id),
    "reports.second_reading.selectors.open_readings": in_place(lambda s, g: [s.signed]),
    "reports.second_reading.services.consider": in_place(lambda s, g: g.made),
    "reports.second_reading.services.forget": in_place(lambda s, g: g.second.first),
    "reports.second_reading.services.misfiled": in_place(
        lambda s, g: g.second_image, lambda s, g: g.second.patient_id
    ),
    "reports.second_reading.services.claim": with_actor(reading_id=lambda s: s.reading_id),
    "reports.second_reading.services.release": with_actor(reading_id=lambda s: s.reading_id),
    "reports.second_reading.services.record": with_actor(
        reading_id=lambda s: s.reading_id,
        diagnoses=lambda s: ["400010006"],
        management=lambda s: "discharge",
    ),
    "reports.second_reading.consensus.part_of": in_place(lambda s, g: g.disputed),
    "reports.second_reading.consensus.propose": with_actor(
        reading_id=lambda s: s.disputed,
        diagnoses=lambda s: ["400010006"],
        management=lambda s: "discharge",
        reason=lambda s: "looked at together",
    ),
    "reports.second_reading.consensus.withdraw_proposal": with_actor(
        proposal_id=lambda s: s.own_proposal
    ),
    "reports.second_reading.consensus.reading_of": with_actor(proposal_id=lambda s: s.proposal_id),
    "reports.second_reading.consensus.agree": with_actor(proposal_id=lambda s: s.proposal_id),
    "reports.second_reading.consensus.ask_third": with_actor(reading_id=lambda s: s.disputed),
    "reports.services.amendments.amend": with_actor(report_id=lambda s: s.signed),
    "reports.services.amendments.flag_moved": in_place(
        lambda s, g: g.instance, lambda s, g: s.patient_id
    ),
    "reports.services.assessments.record_assessment": with_actor(
        study_id=lambda s: s.study_id,
        lesion_id=lambda s: s.lesion_id,
        diagnoses=lambda s: ["400010006"],
        management=lambda s: "discharge",
        reason=lambda s: "seen again",
    ),
    "reports.services.assessments.keep_assessment": with_actor(
        assessment_id=lambda s: s.first_impression, reason=lambda s: "scale and ulceration"
    ),
    "reports.services.withdrawal.withdraw_assessment": with_actor(
        assessment_id=lambda s: s.assessment_id
    ),
    "reports.services.claims.claim_study": with_actor(study_id=lambda s: s.study_id),
    "reports.services.claims.release_study": with_actor(study_id=lambda s: s.claimed),
    "reports.services.claims.respect": in_place(lambda s, g: g.study),
    "reports.services.composing.compose": with_actor(assessment_ids=lambda s: [s.assessment_id]),
    "reports.services.composing.discard": with_actor(report_id=lambda s: s.report_id),
    "reports.services.histology.record_histology": with_actor(
        lesion_id=lambda s: s.lesion_id,
        diagnosis=lambda s: "400010006",
        reported_on=lambda s: timezone.localdate(),
    ),
    "reports.services.phrases.add": with_actor(
        abbreviation=lambda s: "df",
        diagnoses=lambda s: ["448015002"],
        management=lambda s: "discharge",
    ),
    "reports.services.phrases.change": with_actor(
        phrase_id=lambda s: s.phrase_id,
        version=lambda s: 1,
        abbreviation=lambda s: "sk",
        diagnoses=lambda s: ["25499005"],
        management=lambda s: "refer",
    ),
    "reports.services.phrases.retire": with_actor(phrase_id=lambda s: s.phrase_id),
    "reports.services.phrases.restore": with_actor(phrase_id=lambda s: s.phrase_id),
    "reports.services.next_visit.claim_next": with_actor(),
    "reports.services.next_visit.images_ahead": with_actor(),
    "reports.services.rendering.retry_rendering": with_actor(report_id=lambda s: s.failed),
    "reports.services.session.sign_session": with_actor(
        wanted=lambda s: [Wanted(s.study_id, (s.assessment_id,), "")],
        password=lambda s: s.password,
    ),
    "reports.services.signing.authenticate": in_place(
        lambda s, g: [g.study], lambda s, g: s.password
    ),
    "reports.services.signing.freeze": in_place(lambda s, g: s.report_id),
    "reports.services.signing.sign": with_actor(
        report_id=lambda s: s.report_id, password=lambda s: s.password
    ),
    "reports.services.told.ask_again": in_place(lambda s, g: g.instance.lesion),
}

# Parts of another door's transaction, and who tells what they touch.
PARTS = {
    "reports.services.told.ask_again": "the scene's image is assessed: nothing is asked anew",
    "reports.selectors.phrases.phrases": "abbreviations of the clinic; nothing of a patient",
    "reports.services.phrases.restore": "the phrase of the scene is in force: nothing to restore",
    "reports.services.signing.authenticate": "the password alone; what is signed has its event",
    "patients.merging.selectors.merges": "the patient's page, whose look is patient.viewed",
    "imaging.selectors.visits": "the patient's page, whose look is patient.viewed",
    "imaging.selectors.open_quarantine": "a list of ids and codes; each image opened is a look",
    "imaging.selectors.unfinished": "sizes of one's own files on the visit's page, study.viewed",
    "imaging.services.ingest.target": "what a file is meant for; its ingest or upload tells of it",
    "imaging.services.arriving.upload_state": "how many bytes of one's own file are there",
    "imaging.services.arriving.receive_part": "bytes of a file that was begun; ingest tells of it",
    "imaging.services.arriving.sweep_uploads": "nothing has expired here; what has is told of",
    "inference.selectors.find": "a policy's door; the page or endpoint tells which part it shows",
    "inference.selectors.newest": "the visit's and the image's page tell whose opinions they show",
    "inference.services.shadow.set_aside": "withdraws what the door before it tells of",
    "reports.selectors.reports.reports_of_patient": "numbers and dates on the patient's page",
    "reports.selectors.timeline.standings": "the patient's page, whose look is patient.viewed",
    "reports.selectors.rows.image_rows": "rows of a page, whose own look tells whom it shows",
    "reports.selectors.worklist.worklist_studies": "a query; worklist_rows tells whom it shows",
    "reports.services.amendments.flag_moved": "image.moved tells; a report it flags has its event",
    "reports.second_reading.selectors.readable": "a query; who lists them tells whom it shows",
    "reports.second_reading.selectors.waiting_rows": "images of rows whose list tells of them",
    "reports.second_reading.selectors.open_readings": "a sentence on a page of report.viewed",
    "reports.second_reading.services.consider": "what is asked for has its event; not this one",
    "reports.second_reading.consensus.part_of": "asks what the actor is, shows nothing",
    "reports.second_reading.consensus.reading_of": "where to go back to",
    "reports.services.claims.respect": "asks whether somebody else has the visit, shows nothing",
}
# Doors that are not called here, and why.
UNCALLED = {
    "reports.services.phrases.start": "the scene's clinic has a list; its own test starts one",
    "imaging.services.ingest.file": "the common end of ingest and resolve_quarantine, both walked",
    "imaging.services.rotation.outstanding": "counts ids of keys, of every clinic; shows no row",
    "imaging.services.rotation.rotate": "rewraps keys as the owner; its events are its own test's",
    "reports.services.waiting.mend": "a night's chore: compares rows with the rule, shows no row",
    "inference.services.changes.keep": "the common end of what is done with models, all walked",
    "inference.services.shadow.stop_locked": "the end of stop, which is walked",
}
