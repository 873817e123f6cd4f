"""`manage.py evaluate`: figures of a package on a labelled folder of images."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

BATCH = 16


class Command(BaseCommand):
    help = "Measure a model package on a folder of labelled images."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--package", type=Path, required=True, help="folder of the package")
        parser.add_argument("--images", type=Path, required=True, help="folder of JPEG or PNG")
        parser.add_argument(
            "--labels", type=Path, required=True, help="HAM10000, PAD-UFES-20 or ISIC table (CSV)"
        )
        parser.add_argument("--masks", type=Path, help="folder of lesion masks")
        parser.add_argument("--json", type=Path, help="write the figures here")
        parser.add_argument("--predictions", type=Path, help="write one row an image here (CSV)")
        parser.add_argument("--threads", type=int, default=1, help="threads of the network")

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine import Engine, PackageRefused
        from inference.evaluation import labels, report, run

        for name in ("images", "masks"):
            if options[name] is not None and not options[name].is_dir():
                raise CommandError(_("There is no folder %(path)s.") % {"path": options[name]})
        try:
            rows = labels.read(options["labels"])
            engine = Engine.load(
                options["package"], threads=options["threads"], batch_sizes=(BATCH,)
            )
        except FileNotFoundError as error:
            raise CommandError(
                _("There is no file %(path)s.") % {"path": error.filename}
            ) from error
        except (labels.LabelsRefused, PackageRefused) as error:
            raise CommandError(str(error)) from error
        judged = run.judge(engine, rows, options["images"])
        self._tell_missing(judged.missing, judged.unreadable)
        if not judged.rows:
            raise CommandError(
                _("None of the %(count)d listed images is in %(folder)s.")
                % {"count": len(rows), "folder": options["images"]}
            )
        if options["masks"]:
            self.stderr.write(_("This package draws no lesion masks: dice and jaccard stay null."))
        figures = report.figures(
            engine.package, judged.rows, judged.findings, ms_per_image=judged.ms_per_image
        )
        figures |= {"missing": len(judged.missing), "unreadable": len(judged.unreadable)}
        if options["predictions"]:
            run.write_predictions(options["predictions"], engine.package.keys, judged)
        text = json.dumps(figures, indent=2)
        if options["json"]:
            options["json"].write_text(text + "\n")
        self.stdout.write(text)

    def _tell_missing(self, missing: list[str], unreadable: list[str]) -> None:
        for names, sentence in (
            (missing, _("%(count)d listed images are not in the folder, %(first)s first.")),
            (unreadable, _("%(count)d images could not be read, %(first)s first.")),
        ):
            if names:
                self.stderr.write(sentence % {"count": len(names), "first": names[0]})
