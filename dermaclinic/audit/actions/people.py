"""Who belongs to a clinic, the tokens that act for them, and where they are signed in.

Details hold ids, roles and scopes; an invited person's e-mail stays with the invitation.
"""

from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import event, strings, write, write_past_rollback

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def invited_member(actor: "Actor", invitation: Any) -> None:
    write(actor, "member.invited", obj=invitation, detail={"role": invitation.role})


def withdrew_invitation(actor: "Actor", invitation: Any) -> None:
    write(actor, "member.invitation_withdrawn", obj=invitation)


def joined_clinic(actor: "Actor", membership: Any, *, invitation: Any) -> None:
    """Somebody took the place they were invited to."""
    write(
        actor, "member.joined", obj=membership,
        detail={"role": membership.role, "invitation": str(invitation.pk)},
    )  # fmt: skip


def changed_role(actor: "Actor", membership: Any, *, before: str) -> None:
    write(
        actor, "member.role_changed", obj=membership,
        detail={"member": str(membership.user_id), "role": [before, membership.role]},
    )  # fmt: skip


def deactivated_member(actor: "Actor", membership: Any, *, sessions: int, tokens: int) -> None:
    """`sessions` and `tokens`: how many of each ended with it."""
    write(
        actor, "member.deactivated", obj=membership,
        detail={"member": str(membership.user_id), "sessions": sessions, "tokens": tokens},
    )  # fmt: skip


def reactivated_member(actor: "Actor", membership: Any) -> None:
    write(actor, "member.reactivated", obj=membership, detail={"member": str(membership.user_id)})


def revoked_token(actor: "Actor", token: Any) -> None:
    write(
        actor, "account.token_revoked", obj=token,
        detail={"member": str(token.membership.user_id)},
    )  # fmt: skip


def token_refused(actor: "Actor", token: Any, *, reason: str) -> None:
    """A token that no longer holds was shown (`reason`: expired, revoked or inactive)."""
    write_past_rollback(
        event(
            actor,
            "account.token_refused",
            obj=token,
            outcome="denied",
            detail={"reason": reason},
        )
    )


def token_out_of_scope(actor: "Actor", token: Any, *, scope: str | None) -> None:
    """A token was used for what it was not made for; `scope` is what it lacks."""
    write_past_rollback(
        event(
            actor,
            "account.token_out_of_scope",
            obj=token,
            outcome="denied",
            detail={"lacks": scope, "scopes": strings(token.scopes)},
        )
    )


def ended_sessions(actor: "Actor", *, count: int) -> None:
    """The person signed themselves out elsewhere."""
    write(actor, "account.sessions_ended", obj=actor.user, detail={"sessions": count})


def idled_out(actor: "Actor") -> None:
    """Nothing was asked for in this session for longer than the clinic allows."""
    write(actor, "account.idled_out", obj=actor.user)
