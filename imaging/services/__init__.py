"""Everything that writes visits and images. `ingest` is the one door for every file."""

from imaging.services.ingest import (
    Ingested,
    Quarantined,
    UploadRefused,
    ingest,
    refuse_unread,
)
from imaging.services.modality import correct_modality
from imaging.services.moving import assign_lesion, move_instance
from imaging.services.quarantine import resolve_quarantine
from imaging.services.studies import start_study

__all__ = [
    "Ingested",
    "Quarantined",
    "UploadRefused",
    "assign_lesion",
    "correct_modality",
    "ingest",
    "move_instance",
    "refuse_unread",
    "resolve_quarantine",
    "start_study",
]
