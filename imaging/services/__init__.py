"""Everything that writes visits and images. `ingest` is the one door for every file."""

from imaging.services.arriving import (
    begin_upload,
    discard_upload,
    receive_part,
    settle_upload,
    sweep_uploads,
    upload_state,
)
from imaging.services.assigning import Assigned, assign_images, take_back_assignment
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
from imaging.services.visits_of_today import NobodyFound, NoConsent, visit_of_today

__all__ = [
    "Assigned",
    "Ingested",
    "NoConsent",
    "NobodyFound",
    "Quarantined",
    "UploadRefused",
    "assign_images",
    "assign_lesion",
    "begin_upload",
    "correct_modality",
    "discard_upload",
    "ingest",
    "move_instance",
    "receive_part",
    "refuse_unread",
    "resolve_quarantine",
    "settle_upload",
    "start_study",
    "sweep_uploads",
    "take_back_assignment",
    "upload_state",
    "visit_of_today",
]
