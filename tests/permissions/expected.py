"""What every address answers to everybody: the one table that the matrix test goes by.

Each address of the resolver has one row, here or in the files beside (`expected_*.py`); an address
without a row fails the suite, and so does a row without an address. A row says for each method
which status each of `shapes.CALLERS` gets; a method that it does not name is closed (405 for
members). To add one:

    row("clinic/members/", GET=page(200, A), POST=page(302, A), send=lambda s: {"email": …}),

`page(ok, roles…)` and `api(ok, roles…)` are for addresses without an id, `page_of` and `api_of`
for those of one row of a clinic, which members of another clinic do not find. Whatever fits none
of them is spelled with `columns`. `send` is what somebody who may would really send (the scene's
rows are its attributes), so that a refusal is for who one is.
"""

from tests.permissions import expected_accounts, expected_api, expected_pages
from tests.permissions.shapes import (
    ALL,
    UNAUTHORIZED,
    A,
    Row,
    Statuses,
    api,
    columns,
    page,
    row,
    same,
)


def known(status: int) -> Statuses:
    """Open to everybody, in the API: a token that is sent is looked at all the same."""
    every = dict.fromkeys(ALL, status)
    return columns(status, every, every, status, UNAUTHORIZED)


AUDIT = [
    row("audit/", GET=page(200, A), closed=same(405)),
    row("audit/unusual/", GET=page(200, A), closed=same(405)),
    # Without what the page signed nothing is written down; who may, is sent back to it.
    row("audit/unusual/looked-into/", POST=page(302, A), closed=same(405)),
    row("audit/export/csv/", GET=page(200, A), HEAD=same(405), closed=same(405)),
    row("audit/export/ndjson/", GET=page(200, A), HEAD=same(405), closed=same(405)),
    row("audit/export/bundle/", GET=page(200, A), HEAD=same(405), closed=same(405)),
    row("api/v1/audit/events/", GET=api(200, A)),
]

# Before anybody has signed in. Dead tokens are refused even here.
API_DOOR = [
    row(
        "api/v1/auth/token/",
        POST=same(200),
        OPTIONS=same(200),
        closed=same(405),
        send=lambda s: {"email": s.email, "password": s.password},
    ),
    row("api/schema/", GET=known(200), OPTIONS=known(200), closed=known(405)),
    row("api/docs/", GET=known(200), closed=known(405)),
    row("api/", GET=same(404), closed=same(404), silent=True),  # what is not in the contract
]

MONITORS = [
    row("healthz", GET=same(200), closed=same(405)),
    row("readyz", GET=same(200), closed=same(405)),
    row("metrics", GET=same(200), closed=same(405)),  # for this machine alone: test_health.py
]

# Addresses that the matrix cannot call, and why; files under static/ are no addresses of the
# resolver (WhiteNoise serves them, and there is nothing of a clinic among them).
EXCEPTIONS: dict[str, str] = {}

ROWS: list[Row] = [
    *expected_accounts.ROWS,
    *AUDIT,
    *API_DOOR,
    *MONITORS,
    *expected_pages.ROWS,
    *expected_api.ROWS,
]
