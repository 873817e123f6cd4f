"""`manage.py train`: from a data folder to a model package. Goes on where a broken run stopped."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _


class Command(BaseCommand):
    help = "Train networks on the folder of a task and write a model package."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--data", type=Path, required=True, help="folder with the task's table and images/"
        )
        parser.add_argument("--config", type=Path, help="configuration (TOML); see default.toml")
        parser.add_argument("--out", type=Path, required=True, help="folder of the package")
        parser.add_argument(
            "--kind", choices=("standard", "fast"), default="standard", help="which package"
        )
        parser.add_argument(
            "--work",
            type=Path,
            help="folder for decoded images, views and checkpoints; default: var/training/<name>",
        )
        parser.add_argument(
            "--only",
            nargs="+",
            metavar="RUN",
            help="do these runs (fold0 … fold3, member0 …) and no package: processes may share",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.training import build, config as configs, study
        from inference.training.datasets import DataUnusable

        out: Path = options["out"]
        try:
            config = configs.load(options["config"] or configs.DEFAULT)
            work = options["work"] or Path("var", "training", config.name)
            opened = study.open_study(options["data"], config, work)
            study.train(opened, options["only"] or opened.runs)
            if options["only"]:
                return
            kind = next((one for one in build.kinds(opened) if one.name == options["kind"]), None)
            if kind is None:
                raise configs.ConfigError(_("The configuration asks for no such package."))
            package = build.build(opened, kind, out)
        except (configs.ConfigError, DataUnusable, ValueError) as error:
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
