"""Signing in and out, and what a clinic sets of its own."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import event, write, write_past_rollback

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def signed_in(actor: "Actor", *, how: str) -> None:
    """A person signed in (`how`: password, webauthn, provider or token)."""
    write(actor, "account.signed_in", obj=actor.user, detail={"how": how})


def signed_out(actor: "Actor") -> None:
    write(actor, "account.signed_out", obj=actor.user)


def sign_in_failed(
    *,
    address: str,
    account: uuid.UUID | None,
    clinics: Sequence[uuid.UUID] = (),
    locked: bool = False,
) -> None:
    """Nobody was signed in. Each of the account's clinics is told; of an unknown one, none is.

    `locked`: the password was not even looked at, after too many wrong ones. The typed e-mail is
    not kept: people type passwords there.
    """
    told: Sequence[uuid.UUID | None] = clinics or [None]
    for clinic_id in told:
        write_past_rollback(
            event(
                None,
                "account.sign_in_failed",
                outcome="failure",
                detail={"account": str(account) if account else None}
                | ({"locked": True} if locked else {}),
                address=address,
                clinic_id=clinic_id,
            )
        )


def issued_token(actor: "Actor", token: Any) -> None:
    write(
        actor, "account.token_issued", obj=token,
        detail={"scopes": list(token.scopes), "expires": token.expires_at.isoformat()},
    )  # fmt: skip


def changed_clinic_settings(
    actor: "Actor", settings: Any, *, changed: dict[str, list[Any]]
) -> None:
    """What a clinic sets of its own: `changed` holds, by field, what it was and what it is."""
    write(actor, "clinic.settings_changed", obj=settings, detail=changed)
