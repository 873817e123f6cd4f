"""Everything that reads for the pages and the API: worklist, review of a visit, reports.

They open the clinic's context themselves and write down the look.
"""

from reports.models import OpinionState
from reports.selectors.histology import LesionHistology, histology
from reports.selectors.reports import report, report_pdf, reports_of_patient, stored_names
from reports.selectors.review import EarlierVisit, Review, ReviewLesion, review
from reports.selectors.rows import ImageRow, LesionRow
from reports.selectors.worklist import (
    Urgency,
    WorklistPage,
    WorklistRow,
    worklist,
    worklist_rows,
    worklist_studies,
)

__all__ = [
    "EarlierVisit",
    "ImageRow",
    "LesionHistology",
    "LesionRow",
    "OpinionState",
    "Review",
    "ReviewLesion",
    "Urgency",
    "WorklistPage",
    "WorklistRow",
    "histology",
    "report",
    "report_pdf",
    "reports_of_patient",
    "review",
    "stored_names",
    "worklist",
    "worklist_rows",
    "worklist_studies",
]
