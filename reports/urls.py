"""Addresses of the worklist, reviews and reports."""

from django.urls import path

from reports.views import (
    accesses,
    compare,
    histology,
    lesion,
    models,
    phrases,
    report,
    review,
    session,
    similar,
    worklist,
)

app_name = "reports"
urlpatterns = [
    path("", worklist.worklist, name="worklist"),
    path("live/", worklist.live, name="worklist-live"),
    path("visits/<uuid:study_id>/", review.review, name="review"),
    path("visits/<uuid:study_id>/live/", review.live, name="review-live"),
    path("visits/<uuid:study_id>/claim/", worklist.claim, name="claim"),
    path("visits/<uuid:study_id>/release/", worklist.release, name="release"),
    path("visits/<uuid:study_id>/compose/", review.compose, name="compose"),
    path("visits/<uuid:study_id>/lesions/<uuid:lesion_id>/", review.assess, name="assess"),
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
