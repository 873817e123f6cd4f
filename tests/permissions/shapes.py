"""The columns of the table in expected.py: who calls, and what each of them is answered.

A cell is an HTTP status. A row has one for each of CALLERS, for every method; the functions of
this file spell the columns that most rows have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

T, D, A = "technician", "doctor", "administrator"
CALLERS = (
    "nobody",
    T,
    D,
    A,
    "technician elsewhere",
    "doctor elsewhere",
    "administrator elsewhere",
    "session of a former member",
    "token of a former member",
    "expired token",
    "revoked token",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Statuses = tuple[int, ...]

FORBIDDEN, NOT_FOUND = 403, 404


class Away(int):
    """302 to the door: not an answer, but the question who one is."""


SIGN_IN, UNAUTHORIZED = Away(302), 401  # how a page and the API ask who one is
WITHOUT_CLINIC = 403  # a person who is no longer a member anywhere


def columns(
    nobody: int, ours: Mapping[str, int], elsewhere: Mapping[str, int], former: int, token: int
) -> Statuses:
    """A whole row: by role here and elsewhere, a former member's session, tokens that are dead."""
    return (
        nobody,
        *(ours[role] for role in (T, D, A)),
        *(elsewhere[role] for role in (T, D, A)),
        former,
        token,
        token,
        token,
    )


def _roles(ok: int, may: tuple[str, ...]) -> dict[str, int]:
    return {role: ok if role in may else FORBIDDEN for role in (T, D, A)}


def page(ok: int, *may: str) -> Statuses:
    """A page that names no row of a clinic: members elsewhere see their own clinic's."""
    return columns(SIGN_IN, _roles(ok, may), _roles(ok, may), WITHOUT_CLINIC, SIGN_IN)


def page_of(ok: int, *may: str) -> Statuses:
    """A page of one row of this clinic: elsewhere the same roles find nothing."""
    return columns(SIGN_IN, _roles(ok, may), _roles(NOT_FOUND, may), WITHOUT_CLINIC, SIGN_IN)


def api(ok: int, *may: str) -> Statuses:
    """Like `page`, in the API: a dead token is no caller at all."""
    return columns(UNAUTHORIZED, _roles(ok, may), _roles(ok, may), WITHOUT_CLINIC, UNAUTHORIZED)


def api_of(ok: int, *may: str) -> Statuses:
    """Like `page_of`, in the API."""
    return columns(
        UNAUTHORIZED, _roles(ok, may), _roles(NOT_FOUND, may), WITHOUT_CLINIC, UNAUTHORIZED
    )


def same(status: int) -> Statuses:
    """Whoever asks is answered the same."""
    return (status,) * len(CALLERS)


ALL = (T, D, A)
NO_PAGE = page(405, *ALL)  # a method that a page does not have
NO_API = api(405, *ALL)
API_OPTIONS = api(200, *ALL)  # what methods an address has, for members

# What a request sends, made from the scene (tests/permissions/scene.py).
Body = Callable[[Any], dict[str, Any]]


def nothing(scene: Any) -> dict[str, Any]:
    """An empty body."""
    return {}


@dataclass(frozen=True)
class Row:
    """One address. A method that is not in `answers` is answered as `closed` says.

    `route` is the resolver's. `at` names the scene's row for a part of the address where the usual
    one will not do (`{"report_id": "signed"}`), `send` makes the body that is sent with every
    method that has one: what those who may would really send, so that a refusal is for who they
    are and not for what they wrote; `raw` does so for bytes of a media type of their own. `headers`
    go with every request.
    """

    route: str
    answers: Mapping[str, Statuses]
    closed: Statuses | None = None
    at: Mapping[str, str] = field(default_factory=dict)
    send: Body = nothing
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    raw: Callable[[Any], tuple[bytes, str]] | None = None

    def expected(self, method: str) -> Statuses:
        """The columns of a method. HEAD is answered like GET."""
        if method in self.answers:
            return self.answers[method]
        if method == "HEAD" and "GET" in self.answers:
            return self.answers["GET"]
        if self.closed is not None:
            return self.closed
        if not self.route.startswith("api/v1/"):
            return NO_PAGE
        return API_OPTIONS if method == "OPTIONS" else NO_API


def row(
    route: str,
    *,
    closed: Statuses | None = None,
    at: Mapping[str, str] | None = None,
    send: Body = nothing,
    headers: Mapping[str, str] | None = None,
    silent: bool = False,
    raw: Callable[[Any], tuple[bytes, str]] | None = None,
    **answers: Statuses,
) -> Row:
    """A row, its methods by name: `row("patients/", GET=page(200, T, D))`."""
    return Row(route, answers, closed, at or {}, send, headers or {}, silent, raw)
