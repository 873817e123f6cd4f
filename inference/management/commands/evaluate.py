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
        parser.add_argument(
            "--missing", type=float, default=0, help="percent of metadata fields to hide"
        )
        parser.add_argument("--seed", type=int, default=0, help="of resampling and hiding")
        parser.add_argument(
            "--against", type=Path, help="folder of other images, to be told from these"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from inference import package
        from inference.engine import Engine, PackageRefused
        from inference.evaluation import labels, report, run
        from inference.network import task

        self._check(options)
        try:
            described = package.read(options["package"])
            rows = labels.read(options["labels"], task.named(described.task))
            self._check_labels(rows, described.keys)
            engine = Engine.load(
                options["package"], threads=options["threads"], batch_sizes=(BATCH,)
            )
        except FileNotFoundError as error:
            raise CommandError(
                _("There is no file %(path)s.") % {"path": error.filename}
            ) from error
        except (labels.LabelsRefused, PackageRefused) as error:
            raise CommandError(str(error)) from error
        judged = run.judge(
            engine,
            rows,
            options["images"],
            missing=options["missing"] / 100,
            seed=options["seed"],
            keep_masks=options["masks"] is not None,
        )
        self._tell_missing(judged.missing, judged.unreadable)
        if not judged.rows:
            raise CommandError(
                _("None of the %(count)d listed images in %(folder)s can be read.")
                % {"count": len(rows), "folder": options["images"]}
            )
        figures = report.figures(
            engine.package,
            judged.rows,
            judged.findings,
            ms_per_image=judged.ms_per_image,
            seed=options["seed"],
        )
        figures |= {"missing": len(judged.missing), "unreadable": len(judged.unreadable)}
        figures["metadata_hidden"] = options["missing"] / 100
        if options["masks"]:
            self._score_masks(figures, judged, options["masks"])
        if options["against"]:
            self._tell_apart(figures, engine, judged, options["against"], options["seed"])
        if options["predictions"]:
            run.write_predictions(options["predictions"], engine.package.keys, judged)
        text = json.dumps(figures, indent=2, allow_nan=False)
        if options["json"]:
            options["json"].write_text(text + "\n")
        self.stdout.write(text)

    def _check(self, options: dict[str, Any]) -> None:
        for name in ("images", "masks", "against"):
            if options[name] is not None and not options[name].is_dir():
                raise CommandError(_("There is no folder %(path)s.") % {"path": options[name]})
        for name in ("json", "predictions"):
            if options[name] is not None and not options[name].parent.is_dir():
                raise CommandError(
                    _("There is no folder %(path)s.") % {"path": options[name].parent}
                )
        if not 0 <= options["missing"] <= 100:
            raise CommandError(_("--missing is a percentage, 0 to 100."))

    def _check_labels(self, rows: list[Any], keys: tuple[str, ...]) -> None:
        named = {row.label for row in rows if row.label is not None}
        if named and not named & set(keys):
            raise CommandError(
                _("The table's classes (%(theirs)s) are none of the package's (%(ours)s).")
                % {"theirs": ", ".join(sorted(named)), "ours": ", ".join(keys)}
            )
        if unknown := sorted(named - set(keys)):
            self.stderr.write(
                _("The package does not know %(classes)s: these images are predicted, not scored.")
                % {"classes": ", ".join(unknown)}
            )

    def _score_masks(self, figures: dict[str, Any], judged: Any, folder: Path) -> None:
        from inference.evaluation import masks

        if not judged.masks:
            self.stderr.write(_("This package draws no lesion masks: dice and jaccard stay null."))
            return
        lesions = {row.image: row.unit for row in judged.rows}
        scored = masks.score(judged.masks, folder, lesions=lesions)
        for name in ("dice", "jaccard"):
            figures[name] = scored[name]["value"]
            figures["intervals"][name] = [scored[name]["low"], scored[name]["high"]]

    def _tell_apart(
        self, figures: dict[str, Any], engine: Any, judged: Any, folder: Path, seed: int
    ) -> None:
        from inference.evaluation import ood, run

        others = run.judge(engine, run.listed(folder), folder)
        if not others.rows:
            raise CommandError(_("There is no image in %(path)s.") % {"path": folder})
        weight = float(engine.package.limits.get("entropy_weight", 0))
        figures["against"] = ood.told_apart(
            judged.findings, others.findings, entropy_weight=weight, seed=seed
        )

    def _tell_missing(self, missing: list[str], unreadable: list[str]) -> None:
        for names, sentence in (
            (missing, _("%(count)d listed images are not in the folder, %(first)s first.")),
            (unreadable, _("%(count)d images could not be read, %(first)s first.")),
        ):
            if names:
                self.stderr.write(sentence % {"count": len(names), "first": names[0]})
