"""`manage.py train`: from HAM10000 to a model package. Goes on where a broken run stopped."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _


class Command(BaseCommand):
    help = "Train a network on a folder in HAM10000 form and write its model package."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--data",
            type=Path,
            required=True,
            help="folder with HAM10000_metadata.csv, images/ and images_224/",
        )
        parser.add_argument("--config", type=Path, help="configuration (TOML); see default.toml")
        parser.add_argument("--out", type=Path, required=True, help="folder of the package")
        parser.add_argument(
            "--work",
            type=Path,
            help="folder for decoded images and checkpoints; default: var/training/<name of --out>",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.training import config as configs
        from inference.training.build import train
        from inference.training.datasets import DataUnusable

        out: Path = options["out"]
        work = options["work"] or Path("var", "training", out.name)
        try:
            config = configs.load(options["config"] or configs.DEFAULT)
            package = train(options["data"], config, out, work)
        except (configs.ConfigError, DataUnusable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            _("%(name)s %(version)s is in %(folder)s, weights %(sha256)s.")
            % {
                "name": package.name,
                "version": package.version,
                "folder": out,
                "sha256": package.sha256[:12],
            }
        )
