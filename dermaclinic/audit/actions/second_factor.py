"""Second factors, locks, confirmations and identities: what happens to an account.

An account is nobody's clinic: what happens to it is told to each clinic where the person works.
Before somebody has signed in there is no actor; the account's id is then in the detail.
"""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import event, write, write_past_rollback

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def added_factor(actor: "Actor", *, kind: str) -> None:
    """A second factor was enrolled (`kind`: totp, webauthn)."""
    write(actor, "account.factor_added", obj=actor.user, detail={"kind": kind})


def removed_factor(actor: "Actor", *, kind: str) -> None:
    write(actor, "account.factor_removed", obj=actor.user, detail={"kind": kind})


def used_factor(actor: "Actor", *, kind: str, purpose: str) -> None:
    """A second factor was right (`purpose`: sign-in, confirmation, token)."""
    detail = {"kind": kind, "for": purpose}
    write(actor, "account.factor_used", obj=actor.user, detail=detail)


def used_recovery_code(actor: "Actor", *, left: int, purpose: str) -> None:
    """A recovery code was used up; `left` remain."""
    detail = {"left": left, "for": purpose}
    write(actor, "account.recovery_code_used", obj=actor.user, detail=detail)


def renewed_recovery_codes(actor: "Actor") -> None:
    write(actor, "account.recovery_codes_renewed", obj=actor.user)


def changed_password(actor: "Actor") -> None:
    write(actor, "account.password_changed", obj=actor.user)


def confirmed_identity(actor: "Actor", *, how: str) -> None:
    """Somebody signed in proved again that it is they (`how`: password, totp, webauthn…)."""
    write(actor, "account.confirmed", obj=actor.user, detail={"how": how})


def linked_identity(actor: "Actor", *, provider: str) -> None:
    """An identity provider's account was tied to this one, by its verified e-mail."""
    write(actor, "account.identity_linked", obj=actor.user, detail={"provider": provider})


def mapped_role(actor: "Actor", membership: Any, *, before: str) -> None:
    """The identity provider's claim gave a member another role."""
    write(actor, "account.role_mapped", obj=membership, detail={"role": [before, membership.role]})


def reset_sign_in(actor: "Actor", user: Any) -> None:
    """The operator gave an account a new password and took its second factors off."""
    write(actor, "account.sign_in_reset", obj=user)


def factor_failed(
    *, address: str, account: uuid.UUID, clinics: Sequence[uuid.UUID], kind: str, purpose: str
) -> None:
    """A wrong code, or a passkey that did not fit."""
    detail = {"account": str(account), "kind": kind, "for": purpose}
    _tell("account.factor_failed", address, clinics, detail)


def confirmation_failed(*, address: str, account: uuid.UUID, clinics: Sequence[uuid.UUID]) -> None:
    """A wrong password when somebody signed in was asked for it again."""
    _tell("account.confirmation_failed", address, clinics, {"account": str(account)})


def locked_out(
    *, address: str, account: uuid.UUID | None, clinics: Sequence[uuid.UUID] = ()
) -> None:
    """One wrong guess too many; of an unknown account, no clinic is told."""
    detail = {"account": str(account) if account else None}
    _tell("account.locked_out", address, clinics, detail)


def identity_refused(
    *, address: str, account: uuid.UUID | None, clinics: Sequence[uuid.UUID] = (), reason: str
) -> None:
    """The identity provider vouched for somebody who may not come in, or could not be trusted."""
    detail = {"account": str(account) if account else None, "reason": reason}
    _tell("account.identity_refused", address, clinics, detail)


def _tell(action: str, address: str, clinics: Sequence[uuid.UUID], detail: dict[str, Any]) -> None:
    told: Sequence[uuid.UUID | None] = clinics or [None]
    for clinic_id in told:
        write_past_rollback(
            event(
                None,
                action,
                outcome="failure",
                detail=detail,
                address=address,
                clinic_id=clinic_id,
            )
        )
