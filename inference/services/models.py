"""Registering model packages and choosing the one that answers."""

import json
import uuid
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.errors import Conflict, Invalid
from inference import package as packages
from inference.models import ModelVersion
from inference.services import changes, shadow
from inference.services.changes import OWNER, Action, Author

MAX_METRICS_BYTES = 4_000_000


def register_package(*, folder: Path) -> ModelVersion:
    """Record a package, whose hash is checked. The installation's owner does so, on the server.

    Its card and its metrics.json, if it has one, are recorded with it. Registering the same once
    more answers with the record that is there; a card or figures it lacked are added, never
    replaced. Raises Invalid for a package that is refused, Conflict for another content under a
    known name and version, or for known weights under another one.
    """
    try:
        package = packages.read(folder)
    except packages.PackageRefused as error:
        raise Invalid(str(error)) from error
    manifest, metrics = plain(package.manifest), _metrics(folder / packages.METRICS)
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
                modality=package.manifest["modality"],
                metrics=metrics,
                card=package.card,
            )
        known.metrics = metrics if known.metrics is None else known.metrics
        known.card = known.card or package.card
        found = (package.sha256, manifest, metrics or known.metrics, package.card)
        if (known.sha256, known.manifest, known.metrics, known.card) != found:
            raise Conflict(
                _("%(model)s is registered with other content. Give the new package a new version.")
                % {"model": known}
            )
        known.save(update_fields=["metrics", "card"])
    return known


def _metrics(path: Path) -> dict[str, Any] | None:
    """The figures of a package; None without them. Raises Invalid."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no figure")

    try:
        if path.stat().st_size > MAX_METRICS_BYTES:
            raise ValueError("it is too large")
        found = json.loads(path.read_text(), parse_constant=refuse)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Invalid(
            _("%(path)s cannot be read: %(error)s.") % {"path": path, "error": error}
        ) from error
    if not isinstance(found, dict):
        raise Invalid(_("%(path)s holds no figures.") % {"path": path})
    return found


def activate(*, actor: Actor, model_id: uuid.UUID) -> ModelVersion:
    """Let a registered model answer from now on, in every clinic of the server.

    It answers for images of its modality. Every clinic's audit names who did it. What waits for
    another model is still answered by that one. Raises NotFound, Forbidden.
    """
    with transaction.atomic():
        policies.require(actor, "activate", ModelVersion)
        return _activate(Author(actor), model_id)


def activate_as_owner(*, model_id: uuid.UUID) -> ModelVersion:
    """The same from the command line, by the installation's owner."""
    with transaction.atomic():
        return _activate(OWNER, model_id)


def roll_back(*, actor: Actor, model_id: uuid.UUID) -> ModelVersion:
    """Let the model that answered before the active one, `model_id`, answer again.

    Returns the one that answers now. Raises NotFound; Forbidden; Conflict when `model_id` is not
    active any more, or when none answered before it.
    """
    with transaction.atomic():
        policies.require(actor, "activate", ModelVersion)
        left, _others = changes.locked(model_id)
        if (chosen := changes.before(left)) is None:
            raise Conflict(
                _("There is no version to roll back to from %(model)s.") % {"model": left}
            )
        author = Author(actor)
        _stop_shadow(author, chosen)
        _set(left, active=False)
        _set(chosen, active=True)
        changes.keep(
            author,
            Action.ROLLED_BACK,
            chosen,
            previous=left,
            tell=lambda there: audit.rolled_back_model(there, chosen, left=left),
        )
    return chosen


def deactivate(*, actor: Actor, model_id: uuid.UUID) -> ModelVersion:
    """Take the active model out of service: images of its modality get no opinion from now on.

    Raises NotFound; Forbidden; Conflict when it does not answer.
    """
    with transaction.atomic():
        policies.require(actor, "activate", ModelVersion)
        model, _others = changes.locked(model_id)
        if not model.active:
            raise Conflict(_("%(model)s does not answer now.") % {"model": model})
        _set(model, active=False)
        changes.keep(
            Author(actor),
            Action.DEACTIVATED,
            model,
            previous=model,
            tell=lambda there: audit.deactivated_model(there, model),
        )
    return model


def _activate(author: Author, model_id: uuid.UUID) -> ModelVersion:
    chosen, models = changes.locked(model_id)
    if chosen.active:
        return chosen
    _stop_shadow(author, chosen)
    previous = next((model for model in models if model.active), None)
    if previous is not None:
        _set(previous, active=False)
    _set(chosen, active=True)
    changes.keep(
        author,
        Action.ACTIVATED,
        chosen,
        previous=previous,
        tell=lambda there: audit.activated_model(there, chosen),
    )
    return chosen


def _stop_shadow(author: Author, model: ModelVersion) -> None:
    if model.shadow:
        shadow.stop_locked(author, model)


def _set(model: ModelVersion, *, active: bool) -> None:
    model.active = active
    model.save(update_fields=["active"])


def plain(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest as PostgreSQL keeps it: TOML's dates are text in JSON."""
    kept: dict[str, Any] = json.loads(json.dumps(manifest, default=str))
    return kept
