"""Where the keys come from: the environment, a file, or a key management that unwraps them.

    VAULT_KEYS         id:base64,id:base64    the first seals, all of them open
    VAULT_KEYS_FILE    a file that holds the same, one a line; nobody but its owner may read it
    VAULT_KMS          the dotted name of a KeyManagement: the keys given are then wrapped by it

The naming key comes the same way (VAULT_NAMING_KEY, VAULT_NAMING_KEY_FILE).
"""

import base64
import binascii
import os
import stat
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from dermaclinic.sealing.keyring import Keyring, VaultKeyMissing, entries
from dermaclinic.sealing.management import KeyManagement


def read_file(path: Path, setting: str) -> str:
    """Return a key file's text. VaultKeyMissing unless it is a file of its reader's alone."""
    try:
        with open(path, encoding="ascii") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise VaultKeyMissing(f"{setting} names {path}, which is not a file.")
            if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise VaultKeyMissing(
                    f"{setting} names {path}, which others than its owner may use "
                    f"(mode {stat.S_IMODE(found.st_mode):04o}): chmod 0400 it."
                )
            if found.st_uid not in (os.geteuid(), 0):
                raise VaultKeyMissing(f"{setting} names {path}, which belongs to another user.")
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise VaultKeyMissing(f"{setting} names {path}, which cannot be read.") from error


def value(name: str, environment: Mapping[str, str]) -> str:
    """Return a key's text from NAME or from the file that NAME_FILE names; "" without either."""
    given, file = environment.get(name, ""), environment.get(f"{name}_FILE", "")
    if given and file:
        raise VaultKeyMissing(f"Set {name} or {name}_FILE, not both.")
    return read_file(Path(file), f"{name}_FILE") if file else given


def keyring(keys: str, naming_key: str, kms: str = "") -> Keyring:
    """Return the keyring. Keys that a key management has wrapped are unwrapped, once.

    `kms` is a KeyManagement's dotted name. Raises VaultKeyMissing with a sentence.
    """
    if not kms:
        return Keyring.parse(keys, naming_key)
    kept_by = management(kms)

    def opened(key_id: str, text: str, setting: str) -> bytes:
        try:
            return kept_by.unwrap(key_id, base64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError) as error:
            raise VaultKeyMissing(f"{setting} is not the base64 of a wrapped key.") from error

    found = {
        key_id: opened(key_id, text, f"VAULT_KEYS, key {key_id},")
        for key_id, text in entries(keys).items()
    }
    return Keyring(found, opened("naming", naming_key, "VAULT_NAMING_KEY"))


def management(dotted: str) -> KeyManagement:
    """The key management of that name, made from the environment. VaultKeyMissing without it."""
    module, _dot, name = dotted.rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise VaultKeyMissing(f"VAULT_KMS names {dotted}, which is not there.") from error
    if not (isinstance(kind, type) and issubclass(kind, KeyManagement)):
        raise VaultKeyMissing(f"VAULT_KMS names {dotted}, which is no KeyManagement.")
    return kind.from_environment(os.environ)
