"""Addresses of the worklist, reviews and reports."""

from django.urls import path

from reports.views import (
    accesses,
    ahead,
    claims,
    compare,
    consensus,
    histology,
    lesion,
    models,
    phrases,
    report,
    review,
    rules,
    second_reading,
    session,
    similar,
    worklist,
)

app_name = "reports"
urlpatterns = [
    path("", worklist.worklist, name="worklist"),
    path("live/", worklist.live, name="worklist-live"),
    path("next/", claims.go_on, name="next"),
    path("next/ahead/", ahead.ahead, name="ahead"),
    path("next/ahead.js", ahead.script, name="ahead-script"),
    path("visits/<uuid:study_id>/", review.review, name="review"),
    path("visits/<uuid:study_id>/live/", review.live, name="review-live"),
    path("visits/<uuid:study_id>/claim/", claims.claim, name="claim"),
    path("visits/<uuid:study_id>/release/", claims.release, name="release"),
    path("visits/<uuid:study_id>/compose/", review.compose, name="compose"),
    path("visits/<uuid:study_id>/lesions/<uuid:lesion_id>/", review.assess, name="assess"),
    path("rules/", rules.rules, name="rules"),
    path("assessments/<uuid:assessment_id>/keep/", review.keep, name="keep"),
    path("assessments/<uuid:assessment_id>/withdraw/", review.withdraw, name="withdraw"),
    path("lesions/<uuid:lesion_id>/", lesion.lesion, name="lesion"),
    path("lesions/<uuid:lesion_id>/histology/", histology.histology, name="histology"),
    path("lesions/<uuid:lesion_id>/compare/", compare.compare, name="compare"),
    path(
        "lesions/<uuid:lesion_id>/compare/<uuid:left>/<uuid:right>/",
        compare.aligned,
        name="aligned",
    ),
    path("opinions/<uuid:prediction_id>/similar/", similar.similar, name="similar"),
    path("similar/<str:text>/", similar.crop, name="similar-crop"),
    path("second-readings/", second_reading.second_readings, name="second-readings"),
    path(
        "second-readings/<uuid:reading_id>/", second_reading.second_reading, name="second-reading"
    ),
    path(
        "second-readings/<uuid:reading_id>/claim/",
        second_reading.claim,
        name="second-reading-claim",
    ),
    path(
        "second-readings/<uuid:reading_id>/release/",
        second_reading.release,
        name="second-reading-release",
    ),
    path(
        "second-readings/<uuid:reading_id>/record/",
        second_reading.record,
        name="second-reading-record",
    ),
    path(
        "second-readings/<uuid:reading_id>/propose/", consensus.propose, name="consensus-propose"
    ),
    path("second-readings/<uuid:reading_id>/third/", consensus.ask_third, name="consensus-third"),
    path("proposals/<uuid:proposal_id>/agree/", consensus.agree, name="consensus-agree"),
    path("proposals/<uuid:proposal_id>/withdraw/", consensus.withdraw, name="consensus-withdraw"),
    path("models/<uuid:model_id>/compared/", models.compared, name="models-compared"),
    path("patients/<uuid:patient_id>/", report.of_patient, name="patient-reports"),
    path("patients/<uuid:patient_id>/accesses/", accesses.of_patient, name="accesses"),
    path("patients/<uuid:patient_id>/accesses/pdf/", accesses.document, name="accesses-pdf"),
    path("session/", session.session, name="session"),
    path("phrases/", phrases.phrases, name="phrases"),
    path("phrases/list/", phrases.as_data, name="phrase-list"),
    path("phrases/start/", phrases.start, name="phrases-start"),
    path("phrases/<uuid:phrase_id>/", phrases.phrase, name="phrase"),
    path("phrases/<uuid:phrase_id>/retire/", phrases.retire, name="phrase-retire"),
    path("phrases/<uuid:phrase_id>/restore/", phrases.restore, name="phrase-restore"),
    path("<uuid:report_id>/", report.report, name="report"),
    path("<uuid:report_id>/sign/", report.sign, name="sign"),
    path("<uuid:report_id>/discard/", report.discard, name="discard"),
    path("<uuid:report_id>/amend/", report.amend, name="amend"),
    path("<uuid:report_id>/pdf/", report.pdf, name="pdf"),
    path("<uuid:report_id>/pdf/status/", report.pdf_status, name="pdf-status"),
    path("<uuid:report_id>/pdf/retry/", report.retry, name="retry-pdf"),
]
