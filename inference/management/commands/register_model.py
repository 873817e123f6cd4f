"""Registers a model package, as the installation's owner."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dermaclinic.errors import DomainError
from inference import selectors
from inference.services import models


class Command(BaseCommand):
    help = "Check a model package and record it; once activated it answers from now on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("package", type=Path, help="the package's folder")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--activate", action="store_true", help="let it answer from now on")
        choice.add_argument(
            "--activate-if-none",
            action="store_true",
            help="let it answer if no model does; a choice made before is kept",
        )

    def handle(self, *, package: Path, **options: Any) -> None:
        try:
            model = models.register_package(folder=package)
            first = options["activate_if_none"] and selectors.active_model() is None
            if options["activate"] or first:
                model = models.activate_as_owner(model_id=model.pk)
        except DomainError as error:
            raise CommandError(str(error.detail)) from error
        state = "active" if model.active else "registered"
        self.stdout.write(f"{model} ({model.sha256[:12]}) is {state}.")
