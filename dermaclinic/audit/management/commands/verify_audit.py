"""`verify_audit`: read every event against the seals; exit 1 and name the first that is wrong."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from dermaclinic.audit.models import Event
from dermaclinic.audit.verify import prove, verify


class Command(BaseCommand):
    help = "Verifies the audit: names the first changed, removed, added or reordered event."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--prove", type=int, metavar="EVENT", help="prove one event's inclusion"
        )
        parser.add_argument("--processes", type=int, help="how many; all cores by default")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prove"]:
            self._prove(options["prove"])
            return
        with tqdm(unit=" events", disable=None, file=self.stderr) as bar:
            verdict = verify(bar.update, processes=options["processes"])
        if verdict.finding:
            raise CommandError(f"The audit is broken at {verdict.finding}.")
        self.stdout.write(
            f"{verdict.events} events under {verdict.seals} seals are intact; "
            f"{verdict.unsealed} wait to be sealed. "
            f"{verdict.anchored} lines of the anchor agree."
        )
        if not verdict.anchored:
            self.stderr.write(
                "There is no anchor to compare with: a cut-off end would not be noticed."
            )
        if verdict.unplaced:
            self.stderr.write(
                f"{verdict.unplaced} events stand in the default partition; "
                "make_audit_partitions did not run in time."
            )

    def _prove(self, number: int) -> None:
        event = Event.objects.filter(id=number).select_related("sealed__seal").first()
        if event is None or not hasattr(event, "sealed"):
            raise CommandError(f"There is no sealed event {number}.")
        if not prove(event):
            raise CommandError(f"Event {number} is not the one that was sealed.")
        self.stdout.write(f"Event {number} is in seal {event.sealed.seal.number}.")
