"""What the doctor says: claims on visits, assessments of lesions, and signed reports."""

from reports.models.assessments import (
    Agreement,
    Algorithm,
    Assessment,
    AssessmentWithdrawal,
    Claim,
    Management,
    OpinionState,
    TwoStep,
)
from reports.models.histology import Histology
from reports.models.phrases import Phrase
from reports.models.reports import Report, ReportAssessment
from reports.models.second_reading import Consensus, ConsensusProposal, SecondReading
from reports.models.waiting import Waiting

__all__ = [
    "Agreement",
    "Algorithm",
    "Assessment",
    "AssessmentWithdrawal",
    "Claim",
    "Consensus",
    "ConsensusProposal",
    "Histology",
    "Management",
    "OpinionState",
    "Phrase",
    "Report",
    "ReportAssessment",
    "SecondReading",
    "TwoStep",
    "Waiting",
]
