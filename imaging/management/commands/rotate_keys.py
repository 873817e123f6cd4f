"""`rotate_keys`: wrap every data key under the first key of VAULT_KEYS. Run it as the web role."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from imaging import key_checks
from imaging.services import rotation
from imaging.storage import vault
from imaging.vault import VaultError


class Command(BaseCommand):
    help = "Wraps the data keys of images, reports and columns under the first key of VAULT_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="count what still needs another key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            store = vault()
        except VaultError as error:
            raise CommandError(str(error)) from error
        if wrong := list(key_checks.wrong_keys(store)):
            raise CommandError(" ".join(wrong))
        if options["dry_run"]:
            self._count(rotation.outstanding(store))
            return
        with tqdm(unit=" objects", disable=None, file=self.stderr) as bar:
            done = rotation.rotate(store, progress=lambda: bar.update(1))
        self.stdout.write(
            f"{done.objects} objects and {done.values} values are now under "
            f"{store.keyring.current_id}."
        )
        for name in done.damaged:
            self.stdout.write(f"Object {name} does not open and was left as it is.")
        if done.damaged:
            raise CommandError("The former keys are still needed.")
        if done.retired:
            self.stdout.write(
                f"No longer needed: {', '.join(done.retired)}. When every process runs with the "
                "new key, look once more with --dry-run, then take it out of VAULT_KEYS. Backups "
                "that were made under it still need it: keep it with the key backup."
            )

    def _count(self, found: rotation.Outstanding) -> None:
        for kind, counts in (("objects", found.objects), ("values", found.values)):
            for key_id, count in sorted(counts.items()):
                self.stdout.write(f"{count} {kind} need the key {key_id}.")
        for name in found.damaged:
            self.stdout.write(f"Object {name} is damaged.")
        if not found.total and not found.damaged:
            self.stdout.write("Nothing needs another key than the current one.")
