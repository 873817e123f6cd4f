"""Writes docs/permissions.md from the table of permissions."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dermaclinic.accounts.permissions_page import rendered


class Command(BaseCommand):
    help = "Write docs/permissions.md from the table in accounts/policies.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if the page says otherwise"
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "permissions.md"
        if not check:
            path.write_text(rendered())
        elif not path.exists() or path.read_text() != rendered():
            raise CommandError("docs/permissions.md is old: python manage.py render_permissions")
