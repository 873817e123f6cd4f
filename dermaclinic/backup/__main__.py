"""`python -m dermaclinic.backup`: make, verify, restore; and the keys' own backup.

    make FILE           as the role backup: DATABASE_URL, DATABASE_PASSWORD_BACKUP
    verify FILE         read it to its end
    restore FILE        DATABASE_URL is a superuser's, of an empty database
    keys FILE           seal the keys with a passphrase
    open-keys FILE      print them as NAME=value
    new-key ID          print a new key for VAULT_KEYS; with VAULT_KMS, wrapped

The vault's keys and VAULT_DIR come from the environment, as for every process; a private server's
from its state directory. A passphrase is asked for, or read from the file PASSPHRASE_FILE names.
"""

import argparse
import base64
import getpass
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from dermaclinic import embedded
from dermaclinic.backup import archive, key_backup, making, postgres, restoring
from dermaclinic.backup.postgres import BackupError
from dermaclinic.sealing import sources
from dermaclinic.sealing.keyring import KEY_ID, Keyring, VaultError, VaultKeyMissing

KEPT = ("AUDIT_EVENT_KEY", "AUDIT_SEAL_KEY", "SECRET_KEY")


def _given(name: str) -> str:
    found = sources.value(name, os.environ)
    if not found and not sources.value("DATABASE_URL", os.environ):
        found = embedded.development_key(name)
    return found


def _keyring() -> Keyring:
    kms = os.environ.get("VAULT_KMS", "")
    return sources.keyring(_given("VAULT_KEYS"), _given("VAULT_NAMING_KEY"), kms)


def _vault() -> Path:
    return Path(os.environ.get("VAULT_DIR") or embedded.state_dir() / "vault")


def _database() -> str:
    return sources.value("DATABASE_URL", os.environ) or embedded.database_url()


def _make(file: Path) -> str:
    if file.exists():
        raise BackupError(f"{file} is there already.")
    password = sources.value("DATABASE_PASSWORD_BACKUP", os.environ)
    env = postgres.environment(_database(), user=postgres.BACKUP_ROLE, password=password)
    return _told(making.make(file, env=env, vault=_vault(), keyring=_keyring()))


def _told(found: dict[str, Any]) -> str:
    return (
        f"Made at {found['made_at']}: {found['database_bytes']} bytes of PostgreSQL "
        f"{found['postgresql']} and {found['objects']} files of the vault, whole."
    )


def _restore(file: Path) -> str:
    if not sources.value("DATABASE_URL", os.environ):
        raise BackupError("Set DATABASE_URL to a superuser's, of a new and empty database.")
    found = restoring.restore(file, url=_database(), vault=_vault(), keyring=_keyring())
    return f"{_told(found)} Restored. Now run manage.py seal_audit --all, then verify_audit."


def _passphrase(*, twice: bool) -> str:
    if path := os.environ.get("PASSPHRASE_FILE"):
        return sources.read_file(Path(path), "PASSPHRASE_FILE")
    given = getpass.getpass("Passphrase: ")
    if twice and getpass.getpass("Once more: ") != given:
        raise BackupError("The two are not the same.")
    return given


def _keys(file: Path) -> str:
    keyring = _keyring()  # opened, so that the backup needs no key management
    pairs = [f"{key_id}:{_text(key)}" for key_id, key in keyring.keys.items()]
    keys = {"VAULT_KEYS": ",".join(pairs), "VAULT_NAMING_KEY": _text(keyring.naming_key)}
    keys |= {name: found for name in KEPT if (found := _given(name))}
    text = key_backup.seal(keys, _passphrase(twice=True))
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    told = f"{', '.join(keys)} are in {file}. Keep it, and the passphrase, apart from the backups."
    if missing := [name for name in KEPT if name not in keys]:
        told += f" Not given to this process, so NOT in it: {', '.join(missing)}."
    return told


def _open_keys(file: Path) -> str:
    found = key_backup.open_(file.read_text(), _passphrase(twice=False))
    return "\n".join(f"{name}={value}" for name, value in found.items())


def _new_key(key_id: str) -> str:
    if not KEY_ID.fullmatch(key_id):
        raise VaultKeyMissing("An id has up to 32 letters, digits, dots, dashes or underscores.")
    key = secrets.token_bytes(32)
    kms = os.environ.get("VAULT_KMS", "")
    return f"{key_id}:{_text(sources.management(kms).wrap(key_id, key) if kms else key)}"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def main(arguments: list[str]) -> int:
    """Do it and say so; 1 and a sentence when it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m dermaclinic.backup",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = {
        "make": _make,
        "verify": lambda file: _told(archive.verify(file, _keyring())),
        "restore": _restore,
        "keys": _keys,
        "open-keys": _open_keys,
    }
    parser.add_argument("command", choices=[*commands, "new-key"])
    parser.add_argument("file", metavar="FILE|ID")
    given = parser.parse_args(arguments)
    try:
        if given.command == "new-key":
            print(_new_key(given.file))
        else:
            print(commands[given.command](Path(given.file)))
    except (BackupError, VaultError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
