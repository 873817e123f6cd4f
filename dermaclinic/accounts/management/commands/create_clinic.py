"""`create_clinic`: a new tenant and its first administrator, made by the database's owner."""

import getpass
import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction

from dermaclinic.accounts.models import Role
from dermaclinic.accounts.services import create_clinic, create_member


class Command(BaseCommand):
    help = "Makes a clinic and its first member; the password is asked for, or NEW_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the clinic's name")
        parser.add_argument("--email", required=True, help="of its first member")
        parser.add_argument("--full-name", required=True)
        parser.add_argument("--role", choices=Role.values, default=Role.ADMINISTRATOR)

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("NEW_PASSWORD") or getpass.getpass("Password: ")
        try:
            with transaction.atomic():
                clinic = create_clinic(name=options["name"])
                create_member(
                    clinic=clinic,
                    email=options["email"],
                    full_name=options["full_name"],
                    password=password,
                    role=options["role"],
                )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except IntegrityError as error:
            raise CommandError("This clinic or this e-mail is on record already.") from error
        self.stdout.write(f"{clinic.name}: {clinic.pk}")
