"""What a token may be used for. One table; an address that is not in it takes no token.

A scope never adds a right: the service behind the address asks the policies as for a session.
"""

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dermaclinic import audit
from dermaclinic.accounts.models import ApiToken, Scope
from dermaclinic.accounts.people import actor_for
from dermaclinic.accounts.policies import POLICY

_SAFE = ("GET", "HEAD", "OPTIONS")
_PREFIX = "api/v1/"

# Calls that change something, and the one search that is sent as a body.
CALLS: dict[tuple[str, str], Scope] = {
    ("POST", "patients/"): Scope.PATIENTS,
    ("POST", "patients/search/"): Scope.READ,
    ("POST", "patients/{patient_id}/consents/"): Scope.PATIENTS,
    ("POST", "patients/{patient_id}/lesions/"): Scope.PATIENTS,
    ("POST", "studies/"): Scope.IMAGES,
    ("POST", "studies/{study_id}/instances/"): Scope.IMAGES,
    ("POST", "studies/{study_id}/claim/"): Scope.REVIEWS,
    ("POST", "studies/{study_id}/release/"): Scope.REVIEWS,
    ("POST", "instances/{instance_id}/assign/"): Scope.IMAGES,
    ("POST", "instances/{instance_id}/modality/"): Scope.IMAGES,
    ("POST", "instances/{instance_id}/move/"): Scope.IMAGES,
    ("POST", "instances/{instance_id}/predictions/"): Scope.IMAGES,
    ("POST", "quarantine/{quarantine_id}/resolve/"): Scope.IMAGES,
    ("POST", "predictions/{prediction_id}/rerun/"): Scope.REVIEWS,
    ("POST", "lesions/{lesion_id}/histology/"): Scope.REVIEWS,
    ("POST", "assessments/"): Scope.REVIEWS,
    ("POST", "assessments/{assessment_id}/withdraw/"): Scope.REVIEWS,
    ("POST", "second-readings/{reading_id}/claim/"): Scope.REVIEWS,
    ("POST", "second-readings/{reading_id}/release/"): Scope.REVIEWS,
    ("POST", "second-readings/{reading_id}/record/"): Scope.REVIEWS,
    ("POST", "reports/"): Scope.REVIEWS,
    ("DELETE", "reports/{report_id}/"): Scope.REVIEWS,
    ("POST", "reports/{report_id}/amend/"): Scope.REVIEWS,
    ("POST", "reports/{report_id}/retry/"): Scope.REVIEWS,
    ("POST", "reports/{report_id}/sign/"): Scope.SIGN,
    ("POST", "models/{model_id}/activate/"): Scope.MODELS,
    ("POST", "models/{model_id}/deactivate/"): Scope.MODELS,
    ("POST", "models/{model_id}/roll-back/"): Scope.MODELS,
    ("POST", "models/{model_id}/shadow/"): Scope.MODELS,
    ("POST", "models/{model_id}/stop-shadow/"): Scope.MODELS,
}

# Whom a scope is of use to: who may do the plainest thing that it opens.
_OPENS = {
    Scope.PATIENTS: ("patients.patient", "add"),
    Scope.IMAGES: ("imaging.study", "add"),
    Scope.REVIEWS: ("reports.assessment", "add"),
    Scope.SIGN: ("reports.report", "sign"),
    Scope.MODELS: ("inference.modelversion", "activate"),
}


def needed(path: str, method: str) -> Scope | None:
    """The scope for a call; None where no token will do.

    `path` is the API's address as the OpenAPI document writes it, ids in braces.
    """
    address = path.lstrip("/").removeprefix(_PREFIX)
    if method.upper() in _SAFE:
        return Scope.READ
    return CALLS.get((method.upper(), address))


def useful(role: str) -> list[Scope]:
    """The scopes that a member in this role can make use of."""
    verbs = {scope: POLICY[label][verb] for scope, (label, verb) in _OPENS.items()}
    return [scope for scope in Scope if role in verbs.get(scope, (role,))]


def path_of(route: str) -> str:
    """A route of the resolver as the OpenAPI document writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


class WithinScope(BasePermission):
    """A token does what its scopes say; a session is not bound by any."""

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        if not isinstance(token, ApiToken) or not hasattr(view, str(request.method).lower()):
            return True  # a session; a method that the address does not have, a 405
        match = request._request.resolver_match
        scope = needed(path_of(match.route), request.method or "") if match else None
        if scope is not None and scope in token.scopes:
            return True
        actor = actor_for(request._request, token.membership)
        audit.token_out_of_scope(actor, token, scope=scope)
        if scope is None:
            raise PermissionDenied(_("This needs a session: no token will do."))
        raise PermissionDenied(
            _("This token was not made for this: it lacks the scope “%(scope)s”.")
            % {"scope": scope.value}
        )
