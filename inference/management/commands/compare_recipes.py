"""`manage.py compare_recipes`: what other ways of training would have given, in short runs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _


class Command(BaseCommand):
    help = "Compare ways against imbalance, fusions, and classes left out, in short paired runs."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, required=True, help="as for train")
        parser.add_argument("--config", type=Path, help="as for train")
        parser.add_argument("--work", type=Path, required=True, help="the folder of a training")
        parser.add_argument(
            "--folds", type=int, nargs="+", default=[0, 1], help="predicted by runs without them"
        )
        parser.add_argument("--left-out", nargs="*", default=[], help="classes shown to no network")
        parser.add_argument("--json", type=Path, help="write the answers here")

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.training import config as configs, study, trials
        from inference.training.datasets import DataUnusable

        try:
            config = configs.load(options["config"] or configs.DEFAULT)
            opened = study.open_study(options["data"], config, options["work"])
            if unknown := set(options["left_out"]) - set(opened.task.keys):
                raise CommandError(_("No class is called %(key)s.") % {"key": min(unknown)})
            if strange := set(options["folds"]) - set(study.DEVELOPED):
                raise CommandError(
                    _("Fold %(number)d is not developed on.") % {"number": min(strange)}
                )
            found = trials.answer(opened, options["folds"], options["left_out"])
        except (configs.ConfigError, DataUnusable, ValueError) as error:
            raise CommandError(str(error)) from error
        text = json.dumps(found, indent=2, allow_nan=False)
        if options["json"]:
            options["json"].write_text(text + "\n")
        self.stdout.write(text)
