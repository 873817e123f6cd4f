"""`make_audit_partitions`: the event table's next months; the workers' beat does it daily."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dermaclinic.audit import partitions


class Command(BaseCommand):
    help = "Makes the partitions of the audit for this month and the next ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--ahead", type=int, default=partitions.AHEAD, help="months, at most 24"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done = partitions.make(ahead=options["ahead"])
        self.stdout.write(f"{done.made} partitions made.")
        if done.unplaced:
            self.stderr.write(
                f"{done.unplaced} events stand in the default partition: partitions were not made "
                "in time. Nothing is lost; see that beat and the default worker run."
            )
