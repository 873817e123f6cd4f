"""`manage.py predict`: what a package says of one image file."""

from __future__ import annotations

import json
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from inference.network.limits import LIMITED
from inference.network.metadata import FLAGS, SEXES

if TYPE_CHECKING:
    from inference.engine import Finding
    from inference.package import Package


class Command(BaseCommand):
    help = "Ask a model package about one JPEG or PNG file."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="JPEG or PNG file")
        parser.add_argument("--package", type=Path, required=True, help="folder of the package")
        parser.add_argument("--age", type=float, help="age of the patient in years")
        parser.add_argument("--sex", choices=SEXES)
        parser.add_argument("--site", metavar="NAME", help="body site, in a word of the package")
        for name in FLAGS:
            parser.add_argument(
                f"--{name}", action=BooleanOptionalAction, help="what the person says of the lesion"
            )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine import Case, Engine, Metadata, PackageRefused, UnreadableImage

        known = Metadata(**{name: options[name] for name in ("age", "sex", "site", *FLAGS)})
        try:
            data = options["file"].read_bytes()
            engine = Engine.load(options["package"], batch_sizes=(1,))
            self._check_site(engine.package, known.site)
            [found] = engine.predict([Case(engine.prepare(data), known)])
        except OSError as error:
            raise CommandError(_("%(path)s cannot be read.") % {"path": options["file"]}) from error
        except (PackageRefused, UnreadableImage) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(engine.package, found), indent=2))
        else:
            self.stdout.write("\n".join(lines(engine.package, found)))

    def _check_site(self, package: Package, site: str | None) -> None:
        names = {*package.fields.site, *package.synonyms}
        if site is not None and site not in names:
            raise CommandError(
                _("%(site)s is no body site of this package; it knows: %(names)s.")
                % {"site": site, "names": ", ".join(sorted(names))}
            )


def as_json(package: Package, found: Finding) -> dict[str, Any]:
    """The finding without its pictures."""
    classes = {row.key: row for row in package.classes}
    return {
        "model": {"name": package.name, "version": package.version, "sha256": package.sha256},
        "differential": [
            {
                "key": key,
                "code": classes[key].code,
                "display": classes[key].display,
                "probability": found.probabilities[key],
                "image_only": found.image_only[key],
            }
            for key in found.ranked
        ],
        "malignant_probability": found.malignant_probability,
        "triage_score": found.triage_score,
        "decision": found.decision,
        "triage": found.triage,
        "operating_point": found.operating_point,
        "operating_points": found.operating_points,
        "prediction_set": found.prediction_set,
        "prediction_sets": found.prediction_sets,
        "declined_reason": found.declined_reason,
        "declined_code": found.declined_code,
        "limited": found.limited,
        "quality": found.quality,
        "measurements": found.measurements,
        "metadata_used": found.metadata_used,
        "runtime": found.runtime,
    }


def lines(package: Package, found: Finding) -> Iterator[str]:
    """The finding in words and figures, a line each."""
    displays = {row.key: row.display for row in package.classes}
    yield f"{package.name} {package.version} ({package.sha256[:12]})"
    if found.declined_reason:
        yield _("Declined: %(reason)s") % {"reason": _(found.declined_reason)}
    for code in found.limited:
        yield _("Limited: %(reason)s") % {"reason": _(LIMITED[code])}
    yield _("   all  image alone")
    for key in found.ranked:
        yield f"{found.probabilities[key]:6.1%}       {found.image_only[key]:6.1%}  {displays[key]}"
    yield _("Malignant or premalignant: %(share).1f %%") % {
        "share": 100 * found.malignant_probability
    }
    yield _("Triage score %(score).3f: %(triage)s") % {
        "score": found.triage_score,
        "triage": found.triage,
    }
    for point in found.operating_points:
        reached = found.triage_score >= point["threshold"]
        yield "  " + _("%(name)s: from %(threshold).3f on, %(reached)s") % {
            "name": displays[point["name"]],
            "threshold": point["threshold"],
            "reached": _("reached") if reached else _("not reached"),
        }
    for share, keys in found.prediction_sets.items():
        yield _("Set of %(share)s %%: %(names)s") % {
            "share": share,
            "names": ", ".join(displays[key] for key in keys),
        }
