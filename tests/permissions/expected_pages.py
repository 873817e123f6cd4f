"""The expected table: pages of patients, images, opinions and reports."""

from imaging.resumable.protocol import CHUNK_TYPE
from tests.imaging.tus import TUS
from tests.permissions.shapes import (
    ALL,
    NOT_FOUND,
    SIGN_IN,
    A,
    D,
    Statuses,
    T,
    columns,
    page,
    page_of,
    row,
    same,
)

CHANGE = {
    "family_name": "Testperson",
    "given_name": "Changed",
    "birth_date": "1970-01-01",
    "sex": "female",
}
ASSESSED = {"diagnosis_1": "400010006", "management": "discharge", "reason": "seen in daylight"}
PHRASE = {"abbreviation": "sk", "diagnosis_1": "25499005", "management": "refer"}
ACCEPTED = {"mrn": "HELD-1", "birth_date": "1970-01-01", "reason": "typed wrongly at the camera"}


def doctors_own(ok: int) -> Statuses:
    """What one doctor has begun: a colleague of any role finds nothing."""
    nobodys = {T: NOT_FOUND, D: NOT_FOUND, A: 403}
    return columns(SIGN_IN, nobodys | {D: ok}, nobodys, 403, SIGN_IN)


PATIENTS = [
    row("patients/", GET=page(200, T, D), POST=page(200, T, D), send=lambda s: {"q": s.name}),
    row(
        "patients/register/",
        GET=page(200, T, D),
        POST=page(302, T, D),
        send=lambda s: CHANGE | {"mrn": "NEW-1"},
    ),
    row("patients/similar/", POST=page(200, T, D), send=lambda s: {"family_name": s.name}),
    row("patients/audit-lookup/", POST=page(302, A), send=lambda s: {"q": s.mrn}),
    row("patients/<uuid:patient_id>/", GET=page_of(200, T, D)),
    row(
        "patients/<uuid:patient_id>/change/",
        GET=page_of(200, T, D),
        POST=page_of(302, T, D),
        send=lambda s: CHANGE | {"mrn": s.mrn, "version": 1},
    ),
    row(
        "patients/<uuid:patient_id>/merge/",
        GET=page_of(200, D),
        POST=page_of(200, D),
        send=lambda s: {"q": s.name},
    ),
    row(
        "patients/<uuid:patient_id>/merge/<uuid:other_id>/",
        GET=page_of(200, D),
        POST=page_of(302, D),
        send=lambda s: {"reason": "registered twice", "survivor_version": 1, "other_version": 1},
    ),
    row(
        "patients/merges/<uuid:merge_id>/undo/",
        GET=page_of(200, D),
        POST=page_of(302, D),
        send=lambda s: {"reason": "two people"},
    ),
    row(
        "patients/<uuid:patient_id>/consents/",
        POST=page_of(302, T, D),
        send=lambda s: {"teaching": "no"},
    ),
    row(
        "patients/<uuid:patient_id>/lesions/",
        POST=page_of(302, T, D),
        send=lambda s: {"body_site": "back"},
    ),
    row(
        "patients/<uuid:patient_id>/lesions/<uuid:lesion_id>/",
        GET=page_of(200, T, D),
        POST=page_of(302, T, D),
        send=lambda s: {"body_site": "abdomen"},
    ),
    row(
        "patients/<uuid:patient_id>/lesions/<uuid:lesion_id>/place/",
        POST=page_of(302, T, D),
        send=lambda s: {"point": "back:upper_back_left:0.4:0.215", "seen": ""},
    ),
]

IMAGING = [
    row("imaging/patients/<uuid:patient_id>/visits/", POST=page_of(302, T, D)),
    row("imaging/visits/<uuid:study_id>/", GET=page_of(200, T, D)),
    row(
        "imaging/visits/<uuid:study_id>/upload/",
        POST=page_of(201, T, D),
        send=lambda s: {"file": s.file()},
    ),
    row(
        "imaging/capture/",
        GET=page(200, T, D),
        # The number is of this clinic: elsewhere nobody has it.
        POST=columns(SIGN_IN, {T: 302, D: 302, A: 403}, {T: 400, D: 400, A: 403}, 403, SIGN_IN),
        send=lambda s: {"mrn": s.mrn},
    ),
    row(
        "imaging/visits/<uuid:study_id>/uploads/",
        POST=page_of(201, T, D),
        OPTIONS=page(204, *ALL),
        headers={**TUS, "Upload-Length": "10"},
    ),
    row(
        "imaging/uploads/<uuid:upload_id>/",
        HEAD=doctors_own(200),
        PATCH=doctors_own(201),
        DELETE=doctors_own(204),
        OPTIONS=page(204, *ALL),
        headers={**TUS, "Upload-Offset": "0"},
        raw=lambda s: (s.whole_file, CHUNK_TYPE),
    ),
    row(
        "imaging/visits/<uuid:study_id>/assign/",
        POST=page_of(302, T, D),
        send=lambda s: {"image": s.instance_id, "lesion": s.lesion_id},
    ),
    row(
        "imaging/visits/<uuid:study_id>/take-back/",
        POST=page_of(302, T, D),
        send=lambda s: {"former": f"{s.instance_id}:{s.lesion_id}"},
    ),
    row("imaging/visits/<uuid:study_id>/arrivals/", GET=page_of(200, T, D)),
    row("imaging/images/<uuid:instance_id>/", GET=page_of(200, T, D)),
    row("imaging/images/<uuid:instance_id>/image/", GET=page_of(200, T, D)),
    row("imaging/images/<uuid:instance_id>/thumbnail/", GET=page_of(200, T, D)),
    # Of no visit that this doctor was told is the next one; tests/pages/test_doctor_next_visit.py.
    row("imaging/images/<uuid:instance_id>/ahead/", GET=page_of(404, D)),
    row(
        "imaging/images/<uuid:instance_id>/assign/",
        POST=page_of(200, T, D),
        send=lambda s: {"lesion": s.lesion_id},
    ),
    row(
        "imaging/images/<uuid:instance_id>/kind/",
        POST=page_of(200, T, D),
        send=lambda s: {"modality": "clinical"},
    ),
    row(
        "imaging/images/<uuid:instance_id>/move/",
        GET=page_of(200, T, D),
        POST=page_of(200, T, D),
        send=lambda s: {"q": s.name},
    ),
    row(
        "imaging/images/<uuid:instance_id>/move-to/",
        POST=page_of(302, T, D),
        send=lambda s: {"study": s.other_study, "reason": "misfiled"},
    ),
    row("imaging/held/", GET=page(200, T, D)),
    row("imaging/held/<uuid:quarantine_id>/", GET=page_of(200, T, D)),
    row(
        "imaging/held/<uuid:quarantine_id>/accept/",
        POST=page_of(302, T, D),
        send=lambda s: ACCEPTED,
    ),
    row(
        "imaging/held/<uuid:quarantine_id>/discard/",
        POST=page_of(302, T, D),
        send=lambda s: {"discard-reason": "nobody's"},
    ),
]

INFERENCE = [
    row(
        "inference/visits/<uuid:study_id>/opinions/",
        POST=page_of(200, T, D),
        send=lambda s: {"pending": f"{s.instance_id}:"},
    ),
    row("inference/images/<uuid:instance_id>/status/", GET=page_of(200, T, D)),
    row(
        "inference/images/<uuid:instance_id>/ask/",
        POST=page_of(302, T, D),
        at={"instance_id": "unasked"},
    ),
    row("inference/opinions/<uuid:prediction_id>/heat-map/", GET=page_of(200, T, D)),
    row("inference/opinions/<uuid:prediction_id>/melanoma-map/", GET=page_of(200, T, D)),
    row("inference/opinions/<uuid:prediction_id>/outline/", GET=page_of(200, T, D)),
    row("inference/opinions/<uuid:prediction_id>/rerun/", POST=page_of(302, D)),
    # Models are the installation's, not one clinic's.
    row("inference/models/", GET=page(200, *ALL)),
    row("inference/models/<uuid:model_id>/", GET=page(200, *ALL)),
    row(
        "inference/models/<uuid:model_id>/activate/",
        POST=page(302, A),
        at={"model_id": "resting_model"},
    ),
    row("inference/models/<uuid:model_id>/deactivate/", POST=page(302, A)),
    row("inference/models/<uuid:model_id>/roll-back/", POST=page(302, A)),
    row(
        "inference/models/<uuid:model_id>/shadow/",
        POST=page(302, A),
        at={"model_id": "resting_model"},
    ),
    row(
        "inference/models/<uuid:model_id>/stop-shadow/",
        POST=page(302, A),
        at={"model_id": "shadow_model"},
    ),
]

REPORTS = [
    row("reports/", GET=page(200, D)),
    row("reports/live/", GET=page(200, D)),
    row("reports/next/", POST=page(302, D)),
    row("reports/next/ahead/", GET=page(200, D)),
    # A script of ours, like those under static/.
    row("reports/next/ahead.js", GET=same(200), closed=same(405)),
    row("reports/visits/<uuid:study_id>/", GET=page_of(200, T, D)),
    row("reports/visits/<uuid:study_id>/live/", GET=page_of(204, T, D)),
    row("reports/visits/<uuid:study_id>/claim/", POST=page_of(302, D)),
    row("reports/visits/<uuid:study_id>/release/", POST=page_of(302, D)),
    row(
        "reports/visits/<uuid:study_id>/compose/",
        POST=page_of(302, D),
        send=lambda s: {"assessment": [s.assessment_id]},
    ),
    row(
        "reports/visits/<uuid:study_id>/lesions/<uuid:lesion_id>/",
        POST=page_of(302, D),
        send=lambda s: ASSESSED,
    ),
    row(
        "reports/rules/",
        GET=page(200, D, A),
        POST=page(302, A),
        send=lambda s: {"number": 0, "second_read_percent": "5"},
    ),
    row(
        "reports/assessments/<uuid:assessment_id>/keep/",
        POST=page_of(302, D),
        send=lambda s: {"reason": "scale and ulceration"},
        at={"assessment_id": "first_impression"},
    ),
    row("reports/assessments/<uuid:assessment_id>/withdraw/", POST=page_of(302, D)),
    row("reports/lesions/<uuid:lesion_id>/", GET=page_of(200, T, D)),
    row(
        "reports/lesions/<uuid:lesion_id>/histology/",
        GET=page_of(200, T, D),
        POST=page_of(302, D),
        send=lambda s: {"diagnosis": "93655004", "reported_on": s.today},
    ),
    row("reports/lesions/<uuid:lesion_id>/compare/", GET=page_of(200, T, D)),
    row(
        "reports/lesions/<uuid:lesion_id>/compare/<uuid:left>/<uuid:right>/",
        GET=page_of(200, T, D),
        at={"left": "instance_id", "right": "instance_id"},
    ),
    row("reports/opinions/<uuid:prediction_id>/similar/", GET=page_of(200, D)),
    row("reports/similar/<str:text>/", GET=page_of(200, D)),  # a pass is one person's
    row("reports/second-readings/", GET=page(200, D)),
    row("reports/second-readings/<uuid:reading_id>/", GET=page_of(200, D)),
    row("reports/second-readings/<uuid:reading_id>/claim/", POST=page_of(302, D)),
    row("reports/second-readings/<uuid:reading_id>/release/", POST=page_of(302, D)),
    row(
        "reports/second-readings/<uuid:reading_id>/record/",
        POST=page_of(302, D),
        send=lambda s: ASSESSED,
    ),
    row(
        "reports/second-readings/<uuid:reading_id>/propose/",
        POST=page_of(302, D),
        at={"reading_id": "disputed"},
        send=lambda s: ASSESSED,
    ),
    row(
        "reports/second-readings/<uuid:reading_id>/third/",
        POST=page_of(302, D),
        at={"reading_id": "disputed"},
    ),
    row("reports/proposals/<uuid:proposal_id>/agree/", POST=page_of(302, D)),
    row(
        "reports/proposals/<uuid:proposal_id>/withdraw/",
        POST=page_of(302, D),
        at={"proposal_id": "own_proposal"},
    ),
    row("reports/models/<uuid:model_id>/compared/", GET=page(200, D, A)),
    row("reports/patients/<uuid:patient_id>/", GET=page_of(200, T, D)),
    row("reports/patients/<uuid:patient_id>/accesses/", GET=page_of(200, D, A), closed=same(405)),
    row(
        "reports/patients/<uuid:patient_id>/accesses/pdf/",
        GET=page_of(200, D, A),
        HEAD=same(405),
        closed=same(405),
    ),
    row(
        "reports/session/",
        GET=page(200, D),
        POST=page_of(302, D),
        send=lambda s: {
            "visit": [f"said,{s.study_id},{s.assessment_id}"],
            "password": s.password,
        },
    ),
    row(
        "reports/phrases/",
        GET=page(200, D, A),
        POST=page(302, D, A),
        send=lambda s: PHRASE | {"abbreviation": "nn"},
    ),
    row("reports/phrases/list/", GET=page(200, D, A)),
    row("reports/phrases/start/", POST=page(302, D, A)),
    row(
        "reports/phrases/<uuid:phrase_id>/",
        GET=page_of(200, D, A),
        POST=page_of(302, D, A),
        send=lambda s: PHRASE | {"version": 1},
    ),
    row("reports/phrases/<uuid:phrase_id>/retire/", POST=page_of(302, D, A)),
    row("reports/phrases/<uuid:phrase_id>/restore/", POST=page_of(302, D, A)),
    row("reports/<uuid:report_id>/", GET=page_of(200, T, D)),
    row(
        "reports/<uuid:report_id>/sign/",
        POST=page_of(302, D),
        send=lambda s: {"password": s.password},
    ),
    row("reports/<uuid:report_id>/discard/", POST=page_of(302, D)),
    row("reports/<uuid:report_id>/amend/", POST=page_of(302, D), at={"report_id": "signed"}),
    row("reports/<uuid:report_id>/pdf/", GET=page_of(200, T, D), at={"report_id": "signed"}),
    row("reports/<uuid:report_id>/pdf/status/", GET=page_of(200, T, D)),
    row("reports/<uuid:report_id>/pdf/retry/", POST=page_of(302, D), at={"report_id": "failed"}),
]

ROWS = [*PATIENTS, *IMAGING, *INFERENCE, *REPORTS]
