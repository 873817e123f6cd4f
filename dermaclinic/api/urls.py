"""Every address of the REST API: the outside contract. The views are in each app's api.py."""

from django.urls import path, re_path

from dermaclinic.api import document, tokens
from dermaclinic.audit import api as audit
from dermaclinic.problems import no_such_address
from imaging import api as imaging
from inference import api as inference, model_api as models
from patients import api as patients
from reports import api as reports, api_second_reading as second

urlpatterns = [
    path("schema/", document.Document.as_view(), name="api-schema"),
    path("docs/", document.Browsable.as_view(), name="api-docs"),
    path("v1/auth/token/", tokens.TokenList.as_view()),
    # Patients
    path("v1/patients/", patients.PatientList.as_view()),
    path("v1/patients/search/", patients.PatientSearch.as_view()),
    path("v1/patients/<uuid:patient_id>/", patients.PatientDetail.as_view()),
    path("v1/patients/<uuid:patient_id>/consents/", patients.PatientConsents.as_view()),
    path("v1/patients/<uuid:patient_id>/lesions/", patients.PatientLesions.as_view()),
    # Visits and images
    path("v1/studies/", imaging.StudyList.as_view()),
    path("v1/studies/<uuid:study_id>/", imaging.StudyDetail.as_view()),
    path("v1/studies/<uuid:study_id>/instances/", imaging.StudyInstances.as_view()),
    path("v1/studies/<uuid:study_id>/claim/", reports.StudyClaim.as_view()),
    path("v1/studies/<uuid:study_id>/release/", reports.StudyRelease.as_view()),
    path(
        "v1/instances/<uuid:instance_id>/image/",
        imaging.InstanceImage.as_view(),
        name="api-instance-image",
    ),
    path(
        "v1/instances/<uuid:instance_id>/thumbnail/",
        imaging.InstanceThumbnail.as_view(),
        name="api-instance-thumbnail",
    ),
    path("v1/instances/<uuid:instance_id>/assign/", imaging.InstanceAssign.as_view()),
    path("v1/instances/<uuid:instance_id>/modality/", imaging.InstanceModality.as_view()),
    path("v1/instances/<uuid:instance_id>/move/", imaging.InstanceMove.as_view()),
    path("v1/quarantine/", imaging.QuarantineList.as_view()),
    path("v1/quarantine/<uuid:quarantine_id>/", imaging.QuarantineDetail.as_view()),
    path("v1/quarantine/<uuid:quarantine_id>/resolve/", imaging.QuarantineResolve.as_view()),
    # Opinions
    path("v1/instances/<uuid:instance_id>/predictions/", inference.InstancePredictions.as_view()),
    path("v1/predictions/<uuid:prediction_id>/", inference.PredictionDetail.as_view()),
    path(
        "v1/predictions/<uuid:prediction_id>/saliency/",
        inference.PredictionSaliency.as_view(),
        name="api-prediction-saliency",
    ),
    path(
        "v1/predictions/<uuid:prediction_id>/melanoma-saliency/",
        inference.PredictionMelanoma.as_view(),
        name="api-prediction-melanoma",
    ),
    path(
        "v1/predictions/<uuid:prediction_id>/mask/",
        inference.PredictionMask.as_view(),
        name="api-prediction-mask",
    ),
    path("v1/predictions/<uuid:prediction_id>/rerun/", inference.PredictionRerun.as_view()),
    # Models
    path("v1/models/", models.ModelList.as_view()),
    path("v1/models/<uuid:model_id>/", models.ModelDetail.as_view()),
    path("v1/models/<uuid:model_id>/activate/", models.ModelActivate.as_view()),
    path("v1/models/<uuid:model_id>/deactivate/", models.ModelDeactivate.as_view()),
    path("v1/models/<uuid:model_id>/roll-back/", models.ModelRollBack.as_view()),
    path("v1/models/<uuid:model_id>/shadow/", models.ModelShadow.as_view()),
    path("v1/models/<uuid:model_id>/stop-shadow/", models.ModelStopShadow.as_view()),
    # Review and reports
    path("v1/worklist/", reports.Worklist.as_view()),
    path("v1/lesions/<uuid:lesion_id>/histology/", reports.LesionHistology.as_view()),
    path("v1/assessments/", reports.AssessmentList.as_view()),
    path("v1/assessments/<uuid:assessment_id>/", reports.AssessmentDetail.as_view()),
    path("v1/assessments/<uuid:assessment_id>/withdraw/", reports.AssessmentWithdraw.as_view()),
    path("v1/second-readings/", second.SecondReadingList.as_view()),
    path("v1/second-readings/<uuid:reading_id>/", second.SecondReadingDetail.as_view()),
    path("v1/second-readings/<uuid:reading_id>/claim/", second.SecondReadingClaim.as_view()),
    path("v1/second-readings/<uuid:reading_id>/release/", second.SecondReadingRelease.as_view()),
    path("v1/second-readings/<uuid:reading_id>/record/", second.SecondReadingRecord.as_view()),
    path("v1/reports/", reports.ReportList.as_view()),
    path("v1/reports/<uuid:report_id>/", reports.ReportDetail.as_view()),
    path("v1/reports/<uuid:report_id>/sign/", reports.ReportSign.as_view()),
    path("v1/reports/<uuid:report_id>/amend/", reports.ReportAmend.as_view()),
    path("v1/reports/<uuid:report_id>/retry/", reports.ReportRetry.as_view()),
    path("v1/reports/<uuid:report_id>/pdf/", reports.ReportPdf.as_view(), name="api-report-pdf"),
    # The audit
    path("v1/audit/events/", audit.EventList.as_view()),
    re_path("", no_such_address),
]
