"""Which assessments a second doctor reads, and whether two readings agree.

A clinic names conditions that are always read twice, and a share of its agreed benign cases. These
are drawn by a keyed hash of visit and lesion: nobody who reads can tell which, and whoever holds
the clinic's key can draw again and find the same (`drawn`). Recording anew does not draw anew.
"""

import hmac
import uuid
from collections.abc import Sequence

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.sealing.installed import keyring
from reports import diagnoses as known
from reports.models import Agreement, Assessment, Management, SecondReading

Reason = SecondReading.Reason
Outcome = SecondReading.Outcome

# To do something to the lesion now, or to leave it: on this two readings must not differ.
ACTING = {Management.EXCISE, Management.REFER}
_KEY = b"second reading v1"
_RANGE = 2**64


def reason_for(made: Assessment) -> Reason | None:
    """Why a second doctor reads what was assessed; None where the clinic asks for none.

    Call it in the clinic's context.
    """
    held = clinic_settings.current() or ClinicSettings()
    if listed(made.diagnoses[0], held.second_read_codes):
        return Reason.CONDITION
    place = drawn(made.clinic_id, made.study_id, made.lesion_id)
    if agreed_benign(made) and place < held.second_read_share:
        return Reason.SAMPLE
    return None


def listed(code: str, codes: Sequence[str]) -> bool:
    """Is a diagnosis among `codes`, itself or by the class that stands for it?

    A clinic that reads melanoma twice means its subtypes, too.
    """
    return code in codes or known.class_code(code) in codes


def agreed_benign(made: Assessment) -> bool:
    """Do doctor and opinion agree on something benign?"""
    found = known.DIAGNOSES.get(made.diagnoses[0])
    benign = found is not None and not found.malignant
    return benign and made.agreement == Agreement.AGREES


def drawn(clinic_id: uuid.UUID, study_id: uuid.UUID, lesion_id: uuid.UUID) -> float:
    """A place in [0, 1), the same for a lesion at a visit at all times: drawn if below the share.

    The first 64 bits of an HMAC-SHA256 under a key of the clinic.
    """
    key = keyring().derive(_KEY, clinic_id)
    digest = hmac.digest(key, f"{study_id}\0{lesion_id}".encode(), "sha256")
    return int.from_bytes(digest[:8], "big") / _RANGE


def outcome(
    first: Sequence[str], management: str, second: Sequence[str], second_management: str
) -> Outcome:
    """How a second reading (diagnoses, management) stands to the first.

    They differ when one would act on the lesion (excise, refer) and the other would not, or when
    neither's most likely diagnosis is among the other's. They agree on the same diagnosis and the
    same management; what lies between agrees in part, and needs no consensus.
    """
    if (management in ACTING) is not (second_management in ACTING):
        return Outcome.DIFFERS
    if alike(first[0], second[0]):
        return Outcome.AGREES if management == second_management else Outcome.PARTLY
    considered = any(alike(first[0], code) for code in second) or any(
        alike(second[0], code) for code in first
    )
    return Outcome.PARTLY if considered else Outcome.DIFFERS


def alike(one: str, other: str) -> bool:
    """The same diagnosis, one of the two perhaps finer: a subtype of melanoma, and melanoma.

    Not where their weight differs: melanoma in situ is not melanoma, nor Bowen's an actinic
    keratosis.
    """
    if one == other:
        return True
    held = known.class_code(one) == other or known.class_code(other) == one
    return held and known.warning(one) == known.warning(other)
