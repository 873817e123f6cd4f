"""`seed_demo`: two clinics with people and patients, whose images really go through the product."""

import os
import secrets
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from demo import folder, seeding
from demo.people import CLINICS
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import acting_as


class Command(BaseCommand):
    help = "Fills two demo clinics with synthetic patients. A second run goes on where one stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patients", type=int, default=60, help="how many (default 60)")
        parser.add_argument(
            "--images", type=Path, metavar="DIR", help="real images, a folder in HAM10000's form"
        )
        parser.add_argument(
            "--wait", type=int, default=600, metavar="SECONDS",
            help="how long to wait for the opinions before past visits are signed (default 600)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("DEMO_PASSWORD")
        if not password and Clinic.objects.filter(name=CLINICS[0].name).exists():
            raise CommandError("Set DEMO_PASSWORD to the password of the first run.")
        password = password or secrets.token_urlsafe(12)
        made = seeding.clinics(password)
        today = seeding.first_day(made)
        with acting_as("web"):
            for clinic in made.values():
                seeding.with_rules(seeding.actor(clinic, "administrator"))
                seeding.with_phrases(seeding.actor(clinic, "doctor"))
            if options["images"]:
                try:
                    cases = folder.cases(options["images"], options["patients"], today=today)
                except folder.FolderError as error:
                    raise CommandError(str(error)) from error
            else:
                cases = seeding.drawn_cases(options["patients"], today=today)
            actors = {
                slug: (seeding.actor(clinic, "technician"), seeding.actor(clinic, "doctor"))
                for slug, clinic in made.items()
            }
            images = 0
            for case in tqdm(cases, desc="Patients", unit="patient", disable=None):
                images += seeding.bring_in(case, actors[case.clinic][0])
            waiting = self._wait_for_opinions(made, options["wait"])
            for case in tqdm(cases, desc="Past visits", unit="patient", disable=None):
                seeding.review_past(case, actors[case.clinic][1], password=password)
        self.stdout.write(f"{len(cases)} patients, {images} new images, {waiting} opinions due.")
        self.stdout.write("Sign in with the password " + password)
        for staff in CLINICS[0].staff:
            self.stdout.write(f"  {staff.role:<14} {staff.email}")

    def _wait_for_opinions(self, made: dict[str, Any], seconds: int) -> int:
        """Until no opinion is waited for, or the time is over; how many are still to come."""
        deadline: datetime = timezone.now() + timedelta(seconds=seconds)
        tick = threading.Event()
        left = sum(seeding.waiting(clinic) for clinic in made.values())
        with tqdm(total=left, desc="Opinions", unit="image", disable=None) as bar:
            while left and timezone.now() < deadline:
                tick.wait(0.5)
                now = sum(seeding.waiting(clinic) for clinic in made.values())
                bar.update(max(0, left - now))
                left = now
        return left
