"""Registering model packages and choosing the one that answers."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor, system_actor
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid, NotFound
from inference import package as packages
from inference.models import ModelVersion


def register_package(*, folder: Path) -> ModelVersion:
    """Record a package, whose hash is checked. The installation's owner does so, on the server.

    Registering the same once more answers with the record that is there. Raises Invalid for a
    package that is refused, Conflict for another content under a known name and version, or for
    known weights under another one.
    """
    try:
        package = packages.read(folder)
    except packages.PackageRefused as error:
        raise Invalid(str(error)) from error
    manifest = plain(package.manifest)
    with transaction.atomic():
        known = ModelVersion.objects.filter(name=package.name, version=package.version).first()
        if known is None:
            if (same := ModelVersion.objects.filter(sha256=package.sha256).first()) is not None:
                raise Conflict(
                    _("These weights are registered already, as %(model)s. Register new ones only.")
                    % {"model": same}
                )
            return ModelVersion.objects.create(
                name=package.name,
                version=package.version,
                sha256=package.sha256,
                manifest=manifest,
            )
    if (known.sha256, known.manifest) != (package.sha256, manifest):
        raise Conflict(
            _("%(model)s is registered with other content. Give the new package a new version.")
            % {"model": known}
        )
    return known


def activate(*, actor: Actor, model_id: uuid.UUID) -> ModelVersion:
    """Let a registered model answer from now on, in every clinic of the server.

    Every clinic's audit names who did it. What waits for another model is still answered by that
    one. Raises NotFound, Forbidden.
    """

    def there(clinic_id: uuid.UUID) -> Actor:
        return Actor(
            clinic_id=clinic_id,
            role=actor.role,
            user=actor.user,
            address=actor.address,
            request_id=actor.request_id,
            purpose=actor.purpose,
        )

    with transaction.atomic():
        policies.require(actor, "activate", ModelVersion)
        return _activate(model_id, there)


def activate_as_owner(*, model_id: uuid.UUID) -> ModelVersion:
    """The same from the command line, by the installation's owner."""
    with transaction.atomic():
        return _activate(model_id, lambda clinic: system_actor(clinic, task="register_model"))


def _activate(model_id: uuid.UUID, actor_in: Callable[[uuid.UUID], Actor]) -> ModelVersion:
    """Switch, and tell each clinic's audit; `actor_in` says who acts, as it has it there."""
    model = _switch(model_id)
    for clinic_id in Clinic.objects.values_list("pk", flat=True):
        with clinic_context(clinic_id):
            audit.activated_model(actor_in(clinic_id), model)
    return model


def _switch(model_id: uuid.UUID) -> ModelVersion:
    models = {model.pk: model for model in ModelVersion.objects.select_for_update().order_by("pk")}
    if (chosen := models.get(model_id)) is None:
        raise NotFound
    for model in models.values():
        if model.active and model is not chosen:
            model.active = False
            model.save(update_fields=["active"])
    if not chosen.active:
        chosen.active = True
        chosen.save(update_fields=["active"])
    return chosen


def plain(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest as PostgreSQL keeps it: TOML's dates are text in JSON."""
    kept: dict[str, Any] = json.loads(json.dumps(manifest, default=str))
    return kept
