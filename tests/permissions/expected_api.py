"""The expected table: the API's addresses of patients, images, opinions, models and reports."""

from tests.permissions.shapes import ALL, A, D, T, api, api_of, row

PATIENT = {
    "mrn": "NEW-1",
    "family_name": "Testperson",
    "given_name": "New",
    "birth_date": "1970-01-01",
    "sex": "female",
}
RESOLVED = {
    "accept": True,
    "identifiers": {"mrn": "HELD-1", "birth_date": "1970-01-01"},
    "reason": "typed wrongly at the camera",
}

PATIENTS = [
    row("api/v1/patients/", POST=api(201, T, D), send=lambda s: PATIENT),
    row("api/v1/patients/search/", POST=api(200, T, D), send=lambda s: {"q": s.name}),
    row("api/v1/patients/<uuid:patient_id>/", GET=api_of(200, T, D)),
    row(
        "api/v1/patients/<uuid:patient_id>/consents/",
        POST=api_of(201, T, D),
        send=lambda s: {"teaching": False},
    ),
    row(
        "api/v1/patients/<uuid:patient_id>/lesions/",
        POST=api_of(201, T, D),
        send=lambda s: {"body_site": "back"},
    ),
]

IMAGING = [
    row("api/v1/studies/", POST=api_of(201, T, D), send=lambda s: {"patient": s.patient_id}),
    row("api/v1/studies/<uuid:study_id>/", GET=api_of(200, T, D)),
    row(
        "api/v1/studies/<uuid:study_id>/instances/",
        POST=api_of(201, T, D),
        send=lambda s: {"file": s.file()},
    ),
    row("api/v1/studies/<uuid:study_id>/claim/", POST=api_of(200, D)),
    row("api/v1/studies/<uuid:study_id>/release/", POST=api_of(204, D), at={"study_id": "claimed"}),
    row("api/v1/instances/<uuid:instance_id>/image/", GET=api_of(200, T, D)),
    row("api/v1/instances/<uuid:instance_id>/thumbnail/", GET=api_of(200, T, D)),
    row(
        "api/v1/instances/<uuid:instance_id>/assign/",
        POST=api_of(200, T, D),
        send=lambda s: {"lesion": s.lesion_id},
    ),
    row(
        "api/v1/instances/<uuid:instance_id>/modality/",
        POST=api_of(200, T, D),
        send=lambda s: {"modality": "clinical"},
    ),
    row(
        "api/v1/instances/<uuid:instance_id>/move/",
        POST=api_of(200, T, D),
        send=lambda s: {"study": s.other_study, "reason": "misfiled"},
    ),
    row("api/v1/quarantine/", GET=api(200, T, D)),
    row("api/v1/quarantine/<uuid:quarantine_id>/", GET=api_of(200, T, D)),
    row(
        "api/v1/quarantine/<uuid:quarantine_id>/resolve/",
        POST=api_of(200, T, D),
        send=lambda s: RESOLVED,
    ),
]

INFERENCE = [
    row(
        "api/v1/instances/<uuid:instance_id>/predictions/",
        POST=api_of(201, T, D),
        at={"instance_id": "unasked"},
    ),
    row("api/v1/predictions/<uuid:prediction_id>/", GET=api_of(200, T, D)),
    row("api/v1/predictions/<uuid:prediction_id>/saliency/", GET=api_of(200, T, D)),
    row("api/v1/predictions/<uuid:prediction_id>/melanoma-saliency/", GET=api_of(200, T, D)),
    row("api/v1/predictions/<uuid:prediction_id>/mask/", GET=api_of(200, T, D)),
    row("api/v1/predictions/<uuid:prediction_id>/rerun/", POST=api_of(201, D)),
    # Models are the installation's, not one clinic's.
    row("api/v1/models/", GET=api(200, *ALL)),
    row("api/v1/models/<uuid:model_id>/", GET=api(200, *ALL)),
    row(
        "api/v1/models/<uuid:model_id>/activate/",
        POST=api(200, A),
        at={"model_id": "resting_model"},
    ),
    row("api/v1/models/<uuid:model_id>/deactivate/", POST=api(200, A)),
    row("api/v1/models/<uuid:model_id>/roll-back/", POST=api(200, A)),
    row(
        "api/v1/models/<uuid:model_id>/shadow/",
        POST=api(200, A),
        at={"model_id": "resting_model"},
    ),
    row(
        "api/v1/models/<uuid:model_id>/stop-shadow/",
        POST=api(200, A),
        at={"model_id": "shadow_model"},
    ),
]

REPORTS = [
    row("api/v1/worklist/", GET=api(200, D)),
    row(
        "api/v1/lesions/<uuid:lesion_id>/histology/",
        GET=api_of(200, T, D),
        POST=api_of(201, D),
        send=lambda s: {"diagnosis": "93655004", "reported_on": s.today},
    ),
    row(
        "api/v1/assessments/",
        POST=api_of(201, D),
        send=lambda s: {
            "study": s.study_id,
            "lesion": s.lesion_id,
            "diagnoses": ["400010006"],
            "management": "discharge",
            "reason": "seen in daylight",
        },
    ),
    row("api/v1/assessments/<uuid:assessment_id>/", GET=api_of(200, T, D)),
    row("api/v1/assessments/<uuid:assessment_id>/withdraw/", POST=api_of(200, D)),
    row("api/v1/second-readings/", GET=api(200, D)),
    row(
        "api/v1/second-readings/<uuid:reading_id>/",
        GET=api_of(200, D),
        at={"reading_id": "disputed"},
    ),
    row("api/v1/second-readings/<uuid:reading_id>/claim/", POST=api_of(200, D)),
    row("api/v1/second-readings/<uuid:reading_id>/release/", POST=api_of(204, D)),
    row(
        "api/v1/second-readings/<uuid:reading_id>/record/",
        POST=api_of(201, D),
        send=lambda s: {"diagnoses": ["400010006"], "management": "discharge"},
    ),
    row(
        "api/v1/reports/",
        POST=api_of(201, D),
        send=lambda s: {"assessments": [s.assessment_id]},
    ),
    row("api/v1/reports/<uuid:report_id>/", GET=api_of(200, T, D), DELETE=api_of(204, D)),
    row(
        "api/v1/reports/<uuid:report_id>/sign/",
        POST=api_of(200, D),
        send=lambda s: {"password": s.password},
    ),
    row("api/v1/reports/<uuid:report_id>/amend/", POST=api_of(201, D), at={"report_id": "signed"}),
    row("api/v1/reports/<uuid:report_id>/retry/", POST=api_of(200, D), at={"report_id": "failed"}),
    row("api/v1/reports/<uuid:report_id>/pdf/", GET=api_of(200, T, D), at={"report_id": "signed"}),
]

ROWS = [*PATIENTS, *IMAGING, *INFERENCE, *REPORTS]
