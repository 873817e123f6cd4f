"""Who acts: a person in a role in a clinic, from where. Services take it, audit keeps it."""

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dermaclinic.accounts.models import Membership, User

# Why people of a role touch patient data, in HL7 v3 PurposeOfUse codes: who treats nobody, runs.
TREATMENT, OPERATIONS = "TREAT", "HOPERAT"
PURPOSES = {"administrator": OPERATIONS}


@dataclass(frozen=True)
class Actor:
    """A member at work, or the system itself (`user` is None).

    `purpose` is why patient data is touched: TREATMENT by default.
    """

    clinic_id: uuid.UUID
    role: str
    user: "User | None" = None
    address: str = ""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    purpose: str = TREATMENT

    @property
    def person(self) -> "User":
        """The member behind the actor; ValueError for the system, which signs for nothing."""
        if self.user is None:
            raise ValueError("The system is no person.")
        return self.user

    @property
    def name(self) -> str:
        """What to call the actor on a page or in a report."""
        return self.user.full_name if self.user else self.role

    def for_purpose(self, purpose: str) -> "Actor":
        """The same actor, who touches patient data for another reason."""
        return replace(self, purpose=purpose)


def member_actor(membership: "Membership", *, address: str = "", request_id: str = "") -> Actor:
    """The actor behind a request of a signed-in member."""
    return Actor(
        clinic_id=membership.clinic_id,
        role=membership.role,
        user=membership.user,
        address=address,
        request_id=request_id or uuid.uuid4().hex,
        purpose=PURPOSES.get(membership.role, TREATMENT),
    )


def system_actor(clinic_id: uuid.UUID, *, task: str) -> Actor:
    """A worker acting for a clinic; `task` names it in the audit."""
    return Actor(clinic_id=clinic_id, role="system", request_id=task, purpose=OPERATIONS)
