"""The expected table: signing in, one's own account, and the clinic's people."""

from tests.permissions.shapes import (
    ALL,
    SIGN_IN,
    A,
    D,
    Statuses,
    T,
    columns,
    page,
    page_of,
    row,
    same,
)

NEW_PASSWORD = "eleven herons over the harbour"


def person(status: int) -> Statuses:
    """A page of the account itself, which outlives the last membership."""
    every = dict.fromkeys(ALL, status)
    return columns(SIGN_IN, every, every, status, SIGN_IN)


def doctors_own(ok: int) -> Statuses:
    """A row that belongs to the scene's doctor: nobody else, an administrator neither, finds it."""
    nobody_else = dict.fromkeys(ALL, 404)
    return columns(SIGN_IN, nobody_else | {D: ok}, nobody_else, 403, SIGN_IN)


SIGN_IN_PAGES = [
    row("", GET=page(302, *ALL), closed=same(405)),
    row(
        "sign-in/",
        GET=columns(200, dict.fromkeys(ALL, 302), dict.fromkeys(ALL, 302), 302, 200),
        POST=same(302),
        closed=same(405),
        send=lambda s: {"email": s.email, "password": s.password},
    ),
    row("sign-in/passkey/", GET=same(200), POST=same(400), closed=same(405)),
    # Nobody has come so far: all begin anew.
    row("sign-in/second-factor/", GET=same(302), POST=same(302), closed=same(405)),
    row(
        "sign-in/confirm/",
        GET=person(200),
        POST=person(302),
        closed=person(405),
        send=lambda s: {"password": s.password},
    ),
    # The installation has no identity provider: tests/accounts/ has one.
    row("sign-in/provider/", GET=same(404), closed=same(405), silent=True),
    row("sign-in/provider/callback/", GET=same(404), closed=same(405), silent=True),
    row("sign-out/", POST=same(302), closed=same(405)),
    row(
        "clinic/",
        GET=person(200),
        POST=person(404),
        closed=person(405),
        send=lambda s: {"membership": s.membership_id},
        silent=True,
    ),
    row(
        "invitation/<uuid:clinic_id>/<str:token>/",
        GET=same(200),
        POST=same(302),
        closed=same(405),
        send=lambda s: {"full_name": "Nova Nowak", "password": NEW_PASSWORD, "again": NEW_PASSWORD},
    ),
]

ACCOUNT = [
    row("account/second-factors/", GET=person(200), closed=person(405)),
    row("account/second-factors/app/", GET=person(200), POST=person(400), closed=person(405)),
    row("account/second-factors/passkey/", GET=person(200), POST=person(400), closed=person(405)),
    row("account/second-factors/recovery-codes/", POST=person(302), closed=person(405)),
    row(
        "account/second-factors/password/",
        GET=person(200),
        POST=person(302),
        closed=person(405),
        send=lambda s: {"password": NEW_PASSWORD},
    ),
    # Somebody else's.
    row(
        "account/second-factors/<int:factor_id>/remove/",
        POST=person(404),
        closed=person(405),
        silent=True,
    ),
    row(
        "account/tokens/",
        GET=page(200, *ALL),
        POST=page(201, *ALL),
        closed=same(405),
        send=lambda s: {"name": "camera", "scopes": ["read"], "days": "90"},
    ),
    row(
        "account/tokens/<uuid:token_id>/revoke/",
        POST=doctors_own(302),
        closed=same(405),
        at={"token_id": "doctors_token"},
    ),
    row("account/sessions/", GET=page(200, *ALL), closed=same(405)),
    row("account/sessions/<int:session_id>/end/", POST=doctors_own(302), closed=same(405)),
    row("account/sessions/end-others/", POST=page(302, *ALL), closed=same(405)),
    row(
        "account/preferences/",
        GET=page(200, *ALL),
        POST=page(302, *ALL),
        send=lambda s: {"theme": "dark", "single_letters": "on"},
    ),
    row("account/stay/", POST=person(204), closed=same(405)),
    row("account/idled-out/", POST=same(204), closed=same(405)),
]

CLINIC = [
    row(
        "clinic/settings/",
        GET=page(200, D, A),
        POST=page(302, A),
        send=lambda s: {"number": 0, "prevalence": "5"},
    ),
    row(
        "clinic/sign-in-rules/",
        GET=page(200, A),
        POST=page(302, A),
        send=lambda s: {"number": 0, "mfa_roles": ["doctor"], "idle_minutes": "20"},
    ),
    row("clinic/members/", GET=page(200, A), closed=same(405)),
    row(
        "clinic/members/invite/",
        POST=page(201, A),
        closed=same(405),
        send=lambda s: {"email": "new@clinic.example", "role": T},
    ),
    row("clinic/members/<uuid:membership_id>/", GET=page_of(200, A), closed=same(405)),
    row(
        "clinic/members/<uuid:membership_id>/role/",
        POST=page_of(302, A),
        closed=same(405),
        send=lambda s: {"role": D},
    ),
    row("clinic/members/<uuid:membership_id>/deactivate/", POST=page_of(302, A), closed=same(405)),
    row(
        "clinic/members/<uuid:membership_id>/reactivate/",
        POST=page_of(302, A),
        closed=same(405),
        at={"membership_id": "former_membership"},
    ),
    row(
        "clinic/invitations/<uuid:invitation_id>/withdraw/", POST=page_of(302, A), closed=same(405)
    ),
    row("clinic/tokens/", GET=page(200, A), closed=same(405)),
    row("clinic/tokens/<uuid:token_id>/revoke/", POST=page_of(302, A), closed=same(405)),
]

ROWS = [*SIGN_IN_PAGES, *ACCOUNT, *CLINIC]
