"""`seal_audit`: seal what is ready, once, for ever, or everything before a dump.

With `--forever` it also writes the daily anchor and sends what is sealed to syslog.
"""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from dermaclinic.audit import sealer
from dermaclinic.audit.outside import Outside


class Command(BaseCommand):
    help = "Seals audit events that are not sealed yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forever", action="store_true", help="seal every second")
        parser.add_argument("--all", action="store_true", help="look from the beginning")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["forever"]:
            self._forever()
            return
        try:
            sealer.lock()
        except sealer.AnotherSealer as error:
            raise CommandError(str(error)) from error
        try:
            sealed = 0
            while count := sealer.seal_once(everything=options["all"]):
                sealed += count
        finally:
            sealer.unlock()
        self.stdout.write(f"{sealed} events sealed.")

    def _forever(self) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        outside = Outside(self.stderr.write)
        outside.start()
        locked = False
        while not stop.is_set():
            try:
                if not locked:
                    sealer.lock()
                    locked = True
                    outside.active.set()
                sealer.seal_once()
            except sealer.AnotherSealer:
                pass  # it works; this process stands by
            except OperationalError as error:
                self.stderr.write(f"The database does not answer: {error}")
                connection.close()
                locked = False
                outside.active.clear()
            stop.wait(1)
        outside.close()
