"""`manage.py predict`: what a package says of one image file."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from inference.network.metadata import SEXES, SITES


class Command(BaseCommand):
    help = "Ask a model package about one JPEG or PNG file."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="JPEG or PNG file")
        parser.add_argument("--package", type=Path, required=True, help="folder of the package")
        parser.add_argument("--age", type=float, help="age of the patient in years")
        parser.add_argument("--sex", choices=SEXES)
        parser.add_argument("--site", choices=SITES, metavar="NAME", help=", ".join(SITES))
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine import Case, Engine, Metadata, PackageRefused, UnreadableImage

        try:
            data = options["file"].read_bytes()
            engine = Engine.load(options["package"], batch_sizes=(1,))
            square = engine.prepare(data)
        except OSError as error:
            raise CommandError(_("%(path)s cannot be read.") % {"path": options["file"]}) from error
        except (PackageRefused, UnreadableImage) as error:
            raise CommandError(str(error)) from error
        known = Metadata(options["age"], options["sex"], options["site"])
        [found] = engine.predict([Case(square, known)])
        package = engine.package
        classes = {row.key: row for row in package.classes}
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "model": {
                            "name": package.name,
                            "version": package.version,
                            "sha256": package.sha256,
                        },
                        "differential": [
                            {
                                "key": key,
                                "code": classes[key].code,
                                "display": classes[key].display,
                                "probability": found.probabilities[key],
                            }
                            for key in found.ranked
                        ],
                        "malignant_probability": found.malignant_probability,
                        "decision": found.decision,
                        "triage": found.triage,
                        "operating_point": found.operating_point,
                        "prediction_set": found.prediction_set,
                        "declined_reason": found.declined_reason,
                        "quality": found.quality,
                        "metadata_used": found.metadata_used,
                    },
                    indent=2,
                )
            )
            return
        self.stdout.write(f"{package.name} {package.version} ({package.sha256[:12]})")
        if found.declined_reason:
            self.stdout.write(_("Declined: %(reason)s") % {"reason": found.declined_reason})
        for key in found.ranked:
            self.stdout.write(f"{found.probabilities[key]:7.1%}  {classes[key].display}")
        self.stdout.write(
            _("Malignant or premalignant: %(share).1f %% (%(triage)s)")
            % {"share": 100 * found.malignant_probability, "triage": found.triage}
        )
