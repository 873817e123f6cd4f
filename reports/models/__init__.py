"""What the doctor says: claims on visits, assessments of lesions, and signed reports."""

from reports.models.all import (
    Agreement,
    Algorithm,
    Assessment,
    Claim,
    Histology,
    Management,
    OpinionState,
    Report,
    ReportAssessment,
    TwoStep,
)

__all__ = [
    "Agreement",
    "Algorithm",
    "Assessment",
    "Claim",
    "Histology",
    "Management",
    "OpinionState",
    "Report",
    "ReportAssessment",
    "TwoStep",
]
