"""What the large clinic consists of, in SQL (see load.py)."""

# What the rows are made of: one line a patient, visit, lesion and image. Ids are hashes of numbers,
# random as in the product, and known without looking them up.
FRAME = """
CREATE UNLOGGED TABLE bench_patient AS
    SELECT n, md5('patient' || n)::uuid AS id, 1 + n * 7919 %% 9 AS lesions, 1 + n %% 3 AS visits
    FROM generate_series(1, %(patients)s) AS n;
CREATE UNLOGGED TABLE bench_visit AS
    SELECT n, v, md5('visit' || n || '.' || v)::uuid AS id, patient.id AS patient_id,
           v = visits AND n <= %(waiting)s AS waits,
           now() - CASE WHEN v = visits AND n <= %(waiting)s THEN interval '60 days' * random()
                        ELSE interval '1 day' + interval '3 years' * random() END AS at
    FROM bench_patient AS patient, generate_series(1, visits) AS v;
CREATE UNLOGGED TABLE bench_lesion AS
    SELECT n, l, md5('lesion' || n || '.' || l)::uuid AS id, patient.id AS patient_id
    FROM bench_patient AS patient, generate_series(1, lesions) AS l;
CREATE UNLOGGED TABLE bench_image AS
    SELECT row_number() OVER () AS i, gen_random_uuid() AS id, gen_random_uuid() AS opinion_id,
           gen_random_uuid() AS assessment_id, lesion.id AS lesion_id, visit.id AS study_id,
           visit.patient_id, visit.at, visit.waits, lesion.l,
           power(random(), 6) AS probability, random() AS luck,
           NOT visit.waits OR lesion.l > 1 AND random() < 0.3 AS assessed
    FROM bench_lesion AS lesion JOIN bench_visit AS visit USING (n);
ALTER TABLE bench_image ADD state text;
UPDATE bench_image SET state = CASE WHEN luck < 0.94 THEN 'ready' WHEN luck < 0.98 THEN 'declined'
    WHEN luck < 0.99 OR assessed THEN 'failed' ELSE 'queued' END;
CREATE UNLOGGED TABLE bench_report AS
    SELECT row_number() OVER () + 1000 AS number, id AS study_id, patient_id, at,
           md5('report' || id)::uuid AS id
    FROM bench_visit WHERE NOT waits AND (at < now() - interval '3 days' OR (n + v) %% 10 <> 0);
CREATE INDEX ON bench_report (study_id);
ANALYZE bench_patient, bench_visit, bench_lesion, bench_image, bench_report;
"""
DROP = "DROP TABLE bench_patient, bench_visit, bench_lesion, bench_image, bench_report"

SITES = "(ARRAY['back', 'chest', 'abdomen', 'face', 'scalp', 'neck'])[1 + {} % 6]"
# Syllables, so that a name is nobody's; some are common, as names are.
NAME = "initcap(({0})[1 + {1} % 20] || ({0})[1 + {1} / 20 % 20] || ({0})[1 + {1} / 400 % 7])"
SYLLABLES = (
    "ARRAY['ba','ke','lo','mi','nu','ra','se','ti','vo','wa','da','fe','go','hi','ju','ka','le',"
    "'mo','ni','po']"
)

# table → (rows of the frame, columns of its own); the others are the template's.
ROWS: dict[str, tuple[str, dict[str, str]]] = {
    "patients_patient": (
        "bench_patient AS f",
        {
            "id": "f.id",
            "mrn": "'B-' || lpad(f.n::text, 7, '0')",
            "family_name": NAME.format(SYLLABLES, "(f.n * 31)"),
            "given_name": NAME.format(SYLLABLES, "(f.n * 17 + 5)"),
            "birth_date": "date '1935-01-01' + (f.n * 7 % 27000)::integer",
            "sex": "(ARRAY['female', 'male'])[1 + f.n % 2]",
        },
    ),
    "patients_consent": (
        "bench_patient AS f, unnest(ARRAY['care', 'ai_opinion', 'comparison', 'teaching',"
        " 'research']) AS p(purpose)",
        {
            "id": "gen_random_uuid()",
            "patient_id": "f.id",
            "purpose": "p.purpose",
            "granted": "p.purpose IN ('care', 'ai_opinion') OR f.n % 2 = 0",
        },
    ),
    "patients_lesion": (
        "bench_lesion AS f",
        {
            "id": "f.id",
            "patient_id": "f.patient_id",
            "number": "f.l",
            "body_site": SITES.format("(f.n + f.l)"),
            "laterality": "''",
        },
    ),
    "imaging_study": (
        "bench_visit AS f",
        {
            "id": "f.id",
            "patient_id": "f.patient_id",
            "acquired_at": "f.at",
            "created_at": "f.at",
            "study_instance_uid": "'2.25.' || abs(hashtextextended(f.id::text, 1))",
        },
    ),
    "imaging_instance": (
        "bench_image AS f",
        {
            "id": "f.id",
            "study_id": "f.study_id",
            "patient_id": "f.patient_id",
            "lesion_id": "f.lesion_id",
            "created_at": "f.at + interval '1 minute' * f.l",
            "sha256": "md5(f.id::text) || md5('2' || f.id)",
            "sop_instance_uid": "'2.25.' || abs(hashtextextended(f.id::text, 2))",
        },
    ),
    "inference_prediction": (
        "bench_image AS f",
        {
            "id": "f.opinion_id",
            "instance_id": "f.id",
            "status": "f.state",
            "requested_at": "f.at + interval '20 minutes'",
            "finished_at": "CASE WHEN f.state <> 'queued' THEN f.at + interval '21 minutes' END",
            "malignant_probability": "CASE WHEN f.state = 'ready' THEN f.probability END",
            "triage": "CASE WHEN f.state <> 'ready' THEN '' WHEN f.probability > 0.2 THEN 'urgent'"
            " ELSE 'routine' END",
            "result": "CASE WHEN f.state = 'ready' THEN t.result END",
            "saliency": "CASE WHEN f.state = 'ready' THEN t.saliency END",
            "declined_reason": "CASE WHEN f.state = 'declined' THEN 'blurred' ELSE '' END",
            "error": "CASE WHEN f.state = 'failed' THEN 'no memory' ELSE '' END",
        },
    ),
    "reports_assessment": (
        "bench_image AS f WHERE f.assessed",
        {
            "id": "f.assessment_id",
            "patient_id": "f.patient_id",
            "study_id": "f.study_id",
            "lesion_id": "f.lesion_id",
            "images": "ARRAY[f.id]",
            "opinion_id": "CASE WHEN f.state = 'ready' THEN f.opinion_id END",
            "opinion_state": "f.state",
            "agreement": "CASE WHEN f.state <> 'ready' THEN 'no_opinion' WHEN f.probability < 0.1"
            " THEN 'agrees' ELSE 'partly' END",
            "recorded_at": "f.at + interval '30 minutes'",
        },
    ),
    "reports_waiting": (
        "bench_visit AS f WHERE f.waits",
        {"id": "gen_random_uuid()", "study_id": "f.id"},
    ),
    "reports_report": (
        "bench_report AS f",
        {
            "id": "f.id",
            "patient_id": "f.patient_id",
            "study_id": "f.study_id",
            "number": "f.number",
            "composed_at": "f.at + interval '31 minutes'",
            "signed_at": "f.at + interval '32 minutes'",
        },
    ),
    "reports_reportassessment": (
        "bench_image AS f JOIN bench_report AS r USING (study_id)",
        {
            "id": "gen_random_uuid()",
            "report_id": "r.id",
            "assessment_id": "f.assessment_id",
            "position": "f.l",
        },
    ),
    "reports_histology": (
        "bench_lesion AS f WHERE (f.n + f.l) % 25 = 0",
        {
            "id": "gen_random_uuid()",
            "patient_id": "f.patient_id",
            "lesion_id": "f.id",
            "version": "1",
        },
    ),
    "imaging_quarantine": (
        "bench_visit AS f WHERE f.v = 1 AND f.n <= 60",
        {
            "id": "gen_random_uuid()",
            "patient_id": "f.patient_id",
            "study_id": "f.id",
            "sha256": "md5(f.id::text) || md5('3' || f.id)",
        },
    ),
}

# What the year's deeds are, as they are distributed: most are the small images of lists. A run of
# ten is one person's at one patient's record, on a weekday within the clinic's hours.
DEEDS = (
    "ARRAY['patient.viewed', 'image.viewed', 'image.viewed', 'image.viewed', 'image.viewed',"
    " 'image.viewed', 'study.viewed', 'prediction.viewed', 'report.viewed', 'worklist.viewed']"
)
EVENTS = f"""
INSERT INTO audit_event (uid, xid, at, clinic_id, actor_id, role, action, object_type, object_id,
    patient_id, outcome, purpose, request_id, address, detail, key_id, mac)
SELECT gen_random_uuid(), e::text::xid8,
       date_trunc('week', now()) - interval '52 weeks' + interval '8 hours'
           + interval '1 day' * (floor(day / 5) * 7 + floor(day)::integer %% 5)
           + interval '9 hours' * (day - floor(day)),
       t.clinic_id, people[1 + run %% cardinality(people)], t.role, deed, t.object_type,
       t.object_id, CASE WHEN deed <> 'worklist.viewed' THEN patient END, 'success', t.purpose,
       t.request_id, t.address,
       CASE WHEN deed = 'worklist.viewed' THEN jsonb_build_object('shown', (
                SELECT jsonb_agg(md5('patient' || 1 + (run + s) %% %(patients)s)::uuid)
                FROM generate_series(1, 25) AS s))
            WHEN deed <> 'image.viewed' THEN '{{}}'::jsonb
            WHEN e %% 10 < 5 THEN '{{"rendition": "thumbnail"}}'::jsonb
            ELSE '{{"rendition": "image"}}'::jsonb END,
       t.key_id, t.mac
FROM (SELECT e, e / 10 AS run, ({DEEDS})[1 + e %% 10] AS deed,
             260 * (e - 1) / %(events)s::float AS day,
             md5('patient' || 1 + (e / 10) * 7919::bigint %% %(patients)s)::uuid AS patient
      FROM generate_series(1, %(events)s) AS e) AS made,
     (SELECT array_agg(user_id) AS people FROM accounts_membership
      WHERE clinic_id = %(clinic)s AND is_active) AS members,
     (SELECT * FROM audit_event
      WHERE clinic_id = %(clinic)s AND role = 'doctor' AND patient_id IS NOT NULL LIMIT 1) AS t
"""  # noqa: S608 - constants of this file
SEALS = """
INSERT INTO audit_seal (clinic_id, number, sealed_at, first_event, last_event, count, horizon,
    merkle_root, previous_mac, form, key_id, mac)
SELECT %(clinic)s, row_number() OVER (ORDER BY min(id)), max(at), min(id), max(id), count(*),
       '1', '', '', 1, 'bench', ''
FROM audit_event WHERE clinic_id = %(clinic)s GROUP BY id / 50;
ANALYZE audit_seal;
INSERT INTO audit_sealedevent (event_id, seal_id, position)
SELECT event.id, seal.id, event.id - seal.first_event
FROM audit_event AS event JOIN audit_seal AS seal
    ON event.id / 50 = seal.first_event / 50 AND seal.clinic_id = event.clinic_id
"""
