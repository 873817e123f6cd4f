#!/usr/bin/env python
"""Django's command line. Commands that change the schema connect as owner, all others as web."""

import os
import sys

OWNER_COMMANDS = {
    "migrate", "makemigrations", "sqlmigrate", "showmigrations",
    "create_clinic", "register_model", "seed_demo",
}  # fmt: skip
SEALER_COMMANDS = {"seal_audit", "verify_audit", "make_audit_partitions"}


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    role = "owner" if command in OWNER_COMMANDS else "web"
    os.environ.setdefault("DATABASE_ROLE", "sealer" if command in SEALER_COMMANDS else role)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermaclinic.settings.development")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
