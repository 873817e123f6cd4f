"""The API's rate limit: by token, since whoever came by session was counted at the door."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from dermaclinic.edge import rates


class PerMember(BaseThrottle):
    """So many requests a minute for each member who comes with a token."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.auth is None:
            return True
        self.verdict = rates.hit("member", str(request.user.pk))
        return not self.verdict.is_over

    def wait(self) -> float:
        """Seconds until the next request will be answered: `Retry-After`."""
        return self.verdict.retry_after
