"""Registers model packages, as the installation's owner."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dermaclinic.errors import DomainError
from inference import selectors
from inference.models import ModelVersion
from inference.services import models, shadow, shipped


class Command(BaseCommand):
    help = "Check a model package and record it; once activated it answers from now on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("package", type=Path, nargs="?", help="the package's folder")
        which.add_argument(
            "--shipped",
            action="store_true",
            help="all packages that came with the product; one answers for each kind of image, "
            "a choice made before is kept",
        )
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--activate", action="store_true", help="let it answer from now on")
        choice.add_argument(
            "--activate-if-none",
            action="store_true",
            help="let it answer if no model does for such images; a choice made before is kept",
        )
        choice.add_argument(
            "--shadow",
            action="store_true",
            help="let it run in the shadow of the active one, to be compared with it",
        )

    def handle(self, *, package: Path | None, shipped: bool, **options: Any) -> None:
        try:
            registered = _shipped(options) if package is None else [_one(package, options)]
        except DomainError as error:
            raise CommandError(str(error.detail)) from error
        for model in registered:
            state = "active" if model.active else "in the shadow" if model.shadow else "registered"
            self.stdout.write(f"{model} ({model.sha256[:12]}) is {state}.")


def _one(folder: Path, options: dict[str, Any]) -> ModelVersion:
    model = models.register_package(folder=folder)
    first = options["activate_if_none"] and selectors.active_model(model.modality) is None
    if options["activate"] or first:
        return models.activate_as_owner(model_id=model.pk)
    if options["shadow"]:
        return shadow.start_as_owner(model_id=model.pk)
    return model


def _shipped(options: dict[str, Any]) -> list[ModelVersion]:
    if options["activate"] or options["activate_if_none"] or options["shadow"]:
        raise CommandError("Which of the shipped packages answer is chosen by MODEL_DEFAULTS.")
    return shipped.register_shipped()
