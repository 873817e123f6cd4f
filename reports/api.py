"""Review over REST: the worklist, claims, assessments, and reports from draft to PDF."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.rest.idempotency import idempotent
from dermaclinic.rest.pagination import page, page_of, place
from dermaclinic.rest.schema import file_response, operation
from dermaclinic.rest.serializers import Nothing
from dermaclinic.rest.views import Endpoint, binary, reading
from reports import selectors, veil
from reports.api_serializers import (
    AssessmentIn,
    AssessmentOut,
    ClaimOut,
    HistologiesOut,
    HistologyIn,
    HistologyOut,
    ReportIn,
    ReportOut,
    SignIn,
    WorklistQuery,
    WorklistRowOut,
)
from reports.models import Assessment, Report
from reports.services import (
    amendments,
    assessments,
    claims,
    composing,
    histology,
    rendering,
    signing,
    withdrawal,
)


class Worklist(Endpoint):
    @operation(
        "worklist_read",
        "Read the worklist: visits that wait for a doctor",
        description="Those with a lesion without opinion first, then the urgent ones.",
        query=WorklistQuery,
        responses={200: page_of(WorklistRowOut)},
    )
    @reading
    def get(self, request: Request) -> Response:
        asked = self.query(WorklistQuery)
        with clinic_context(self.actor.clinic_id):
            veiled = self.by_session and veil.down(self.actor)
        after = place(asked["cursor"])
        found = selectors.worklist(self.actor, which=asked["which"], after=after, blinded=veiled)
        context = {"request": request, "veiled": veiled}
        rows = WorklistRowOut(found.rows, many=True, context=context)
        return page(request, rows.data, after=found.after)


class StudyClaim(Endpoint):
    @operation(
        "studies_claim",
        "Take a visit for reading",
        description="For 30 minutes; once more prolongs it.",
        request=Nothing,
        responses={200: ClaimOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, study_id: uuid.UUID) -> Response:
        self.body(Nothing)
        return Response(ClaimOut(claims.claim_study(actor=self.actor, study_id=study_id)).data)


class StudyRelease(Endpoint):
    @operation(
        "studies_release",
        "Give a visit back",
        request=Nothing,
        responses={204: None},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, study_id: uuid.UUID) -> Response:
        self.body(Nothing)
        claims.release_study(actor=self.actor, study_id=study_id)
        return Response(status=204)


class AssessmentList(Endpoint):
    @operation(
        "assessments_record",
        "Record an assessment of a lesion at a visit",
        description=(
            "Agreement with the opinion is computed. A change of mind is a new version. Where the "
            "clinic is blinded first, the first one needs no reason; if it differs from the "
            "opinion, a later version says what holds before it can be reported."
        ),
        request=AssessmentIn,
        responses={201: AssessmentOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        asked = self.body(AssessmentIn)
        made = assessments.record_assessment(
            actor=self.actor,
            study_id=asked.pop("study"),
            lesion_id=asked.pop("lesion"),
            **asked,
        )
        return _assessment(self, made, 201)


class AssessmentDetail(Endpoint):
    @operation(
        "assessments_read",
        "Read an assessment",
        responses={200: AssessmentOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, assessment_id: uuid.UUID) -> Response:
        rows = Assessment.objects.select_related("withdrawal")
        found = policies.find(self.actor, "view", rows, pk=assessment_id)
        audit.viewed_assessment(self.actor, found)
        return _assessment(self, found)


class AssessmentWithdraw(Endpoint):
    @operation(
        "assessments_withdraw",
        "Take one's newest assessment of a lesion back",
        description="While no report holds it. It stays readable; the version before counts again.",
        request=Nothing,
        responses={200: AssessmentOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, assessment_id: uuid.UUID) -> Response:
        self.body(Nothing)
        made = withdrawal.withdraw_assessment(actor=self.actor, assessment_id=assessment_id)
        return _assessment(self, made.assessment)


class LesionHistology(Endpoint):
    @operation(
        "lesions_histology",
        "Read a lesion's histology with its versions",
        responses={200: HistologiesOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, lesion_id: uuid.UUID) -> Response:
        found = selectors.histology(self.actor, lesion_id)
        return Response({"results": HistologyOut(found.versions, many=True).data})

    @operation(
        "lesions_record_histology",
        "Record a lesion's histology",
        description="Nothing is changed: a correction is a new version, with its reason.",
        request=HistologyIn,
        responses={201: HistologyOut},
        problems=[404],
    )
    @idempotent
    def post(self, request: Request, lesion_id: uuid.UUID) -> Response:
        asked = self.body(HistologyIn)
        made = histology.record_histology(actor=self.actor, lesion_id=lesion_id, **asked)
        return Response(HistologyOut(made).data, 201)


class ReportList(Endpoint):
    @operation(
        "reports_compose",
        "Compose a draft from assessments of one visit",
        request=ReportIn,
        responses={201: ReportOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        ids = self.body(ReportIn)["assessments"]
        return _told(self, composing.compose(actor=self.actor, assessment_ids=ids), 201)


class ReportDetail(Endpoint):
    @operation(
        "reports_read",
        "Read a report",
        responses={200: ReportOut},
        problems=[404],
    )
    @reading
    def get(self, request: Request, report_id: uuid.UUID) -> Response:
        return _told(self, selectors.report(self.actor, report_id))

    @operation(
        "reports_discard",
        "Throw a draft away",
        responses={204: None},
        problems=[404, 409],
    )
    def delete(self, request: Request, report_id: uuid.UUID) -> Response:
        composing.discard(actor=self.actor, report_id=report_id)
        return Response(status=204)


class ReportSign(Endpoint):
    @operation(
        "reports_sign",
        "Sign a report",
        description="With the password once more. The content freezes; a worker makes the PDF.",
        request=SignIn,
        responses={200: ReportOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, report_id: uuid.UUID) -> Response:
        password = self.body(SignIn)["password"]
        return _told(self, signing.sign(actor=self.actor, report_id=report_id, password=password))


class ReportAmend(Endpoint):
    @operation(
        "reports_amend",
        "Draft the next version of a signed report",
        request=Nothing,
        responses={201: ReportOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, report_id: uuid.UUID) -> Response:
        self.body(Nothing)
        return _told(self, amendments.amend(actor=self.actor, report_id=report_id), 201)


class ReportRetry(Endpoint):
    @operation(
        "reports_retry",
        "Ask once more for a PDF that failed",
        request=Nothing,
        responses={200: ReportOut},
        problems=[404, 409],
    )
    @idempotent
    def post(self, request: Request, report_id: uuid.UUID) -> Response:
        self.body(Nothing)
        return _told(self, rendering.retry_rendering(actor=self.actor, report_id=report_id))


class ReportPdf(Endpoint):
    @operation(
        "reports_pdf",
        "Download a signed report",
        description="While it is being made, and when it could not be made, a 409 says so.",
        responses=file_response("application/pdf", "The report."),
        problems=[404, 409],
    )
    @reading
    def get(self, request: Request, report_id: uuid.UUID) -> HttpResponse:
        content = selectors.report_pdf(self.actor, report_id)
        report = selectors.report(self.actor, report_id, again=True)
        return binary(request, content, "application/pdf", filename=f"report-{report}.pdf")


def _assessment(view: Endpoint, made: Assessment, status: int = 200) -> Response:
    with clinic_context(view.actor.clinic_id):
        return Response(AssessmentOut(made).data, status)


def _told(view: Endpoint, report: Report, status: int = 200) -> Response:
    with clinic_context(view.actor.clinic_id):
        return Response(ReportOut(report, context={"request": view.request}).data, status)
