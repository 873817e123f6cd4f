"""The vault: every image lies here sealed, under a name that tells nothing.

Each object has its own AES-256-GCM data key, wrapped by a key-encryption key that can be changed.
A name is an HMAC under a key of its clinic: equal files of two clinics or two patients do not meet.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import struct
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE, _TAG = 12, 16
_MAGIC = b"DCVAULT\x01"  # the last byte is the format's version
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_NAME = re.compile(r"[0-9a-f]{64}")
_DRAFT, _DOOMED = ".draft-", ".doomed-"


class VaultError(Exception):
    """Something is wrong with the vault itself, never with what a user sent."""


class VaultMissing(VaultError):
    """There is no object of that name."""


class VaultCorrupt(VaultError):
    """An object is not what was sealed under its name."""


class VaultKeyMissing(VaultError):
    """An object was sealed under a key that the keyring does not hold, or keys are not set up."""


@dataclass(frozen=True)
class Keyring:
    """Key-encryption keys by id, the current one first, and the key that names derive from."""

    keys: Mapping[str, bytes] = field(repr=False)
    naming_key: bytes = field(repr=False)

    @classmethod
    def parse(cls, keys: str, naming_key: str) -> "Keyring":
        """Read ``id:base64,id:base64`` (the first is current) and the base64 naming key.

        Raises VaultKeyMissing with a sentence that names the setting, never the key.
        """
        found: dict[str, bytes] = {}
        for entry in filter(None, (each.strip() for each in keys.split(","))):
            key_id, _colon, text = entry.partition(":")
            if not _KEY_ID.fullmatch(key_id) or key_id in found:
                raise VaultKeyMissing("VAULT_KEYS needs entries of the form id:base64, ids unique.")
            found[key_id] = _key(text, f"VAULT_KEYS, key {key_id},")
        if not found:
            raise VaultKeyMissing("VAULT_KEYS is not set: give at least one key as id:base64.")
        return cls(found, _key(naming_key, "VAULT_NAMING_KEY"))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Keyring":
        """Read VAULT_KEYS and VAULT_NAMING_KEY."""
        source = os.environ if environment is None else environment
        return cls.parse(source.get("VAULT_KEYS", ""), source.get("VAULT_NAMING_KEY", ""))

    @property
    def current_id(self) -> str:
        return next(iter(self.keys))

    def key(self, key_id: str) -> bytes:
        try:
            return self.keys[key_id]
        except KeyError:
            raise VaultKeyMissing(f"The keyring holds no key {key_id!r}.") from None

    def name_for(self, clinic_id: UUID | str, patient_id: UUID | str, sha256: str) -> str:
        """Return the name of a patient's content: 64 hex digits.

        HMAC-SHA256 under a key derived for the clinic (HKDF, RFC 5869). Keys rotate, names stay.
        """
        if not _NAME.fullmatch(sha256):
            raise ValueError("A SHA-256 is 64 lower-case hex digits.")
        info = b"dermaclinic vault names v1\0" + str(clinic_id).encode()
        clinic_key = HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(self.naming_key)
        message = f"{patient_id}\0{sha256}".encode()
        return hmac.new(clinic_key, message, hashlib.sha256).hexdigest()


def _key(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise VaultKeyMissing(f"{where} must be the base64 of {KEY_BYTES} random bytes.")
    return key


def seal(keyring: Keyring, name: str, data: bytes) -> bytes:
    """Return the envelope: header, wrapped data key, sealed data, all bound to ``name``."""
    data_key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(_NONCE)
    sealed = AESGCM(data_key).encrypt(nonce, data, _bound(b"data", name))
    return _wrap(keyring, name, data_key) + nonce + sealed


def _wrap(keyring: Keyring, name: str, data_key: bytes) -> bytes:
    key_id, nonce = keyring.current_id.encode(), secrets.token_bytes(_NONCE)
    header = _MAGIC + struct.pack("B", len(key_id)) + key_id
    wrapped = AESGCM(keyring.key(keyring.current_id)).encrypt(
        nonce, data_key, _bound(b"key", name, key_id)
    )
    return header + nonce + wrapped


def _bound(purpose: bytes, name: str, *more: bytes) -> bytes:
    return b"\0".join([_MAGIC, purpose, name.encode(), *more])


def unseal(keyring: Keyring, name: str, envelope: bytes) -> bytes:
    """Open an envelope. Raises VaultCorrupt or VaultKeyMissing."""
    data_key, _key_id, start = _unwrap(keyring, name, envelope)
    nonce, sealed = envelope[start : start + _NONCE], envelope[start + _NONCE :]
    try:
        return AESGCM(data_key).decrypt(nonce, sealed, _bound(b"data", name))
    except (InvalidTag, ValueError) as error:
        raise VaultCorrupt(f"Object {name} is not what was sealed.") from error


def _unwrap(keyring: Keyring, name: str, envelope: bytes) -> tuple[bytes, str, int]:
    """Return the data key, the id of its wrapping key and where the data's nonce starts."""
    fixed = len(_MAGIC) + 1
    length = envelope[fixed - 1] if len(envelope) >= fixed else 0
    wrapped = fixed + length + _NONCE
    end = wrapped + KEY_BYTES + _TAG
    key_id = envelope[fixed : fixed + length].decode("ascii", "replace")
    is_ours = envelope.startswith(_MAGIC) and _KEY_ID.fullmatch(key_id)
    if not is_ours or len(envelope) < end + _NONCE + _TAG:
        raise VaultCorrupt(f"Object {name} is no envelope of this vault.")
    bound = _bound(b"key", name, key_id.encode())
    try:
        key = AESGCM(keyring.key(key_id)).decrypt(
            envelope[wrapped - _NONCE : wrapped], envelope[wrapped:end], bound
        )
    except InvalidTag as error:
        raise VaultCorrupt(f"Object {name} does not open under key {key_id!r}.") from error
    return key, key_id, end


class Vault(ABC):
    """Sealed objects by name. Another store implements the same few methods."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def name_for(self, clinic_id: UUID | str, patient_id: UUID | str, sha256: str) -> str:
        """See Keyring.name_for."""
        return self.keyring.name_for(clinic_id, patient_id, sha256)

    @abstractmethod
    def put(self, name: str, data: bytes) -> bool:
        """Seal and store; durable on return. False where the name was there already: the content
        is the same by construction, and only its age starts anew."""

    @abstractmethod
    def get(self, name: str) -> bytes:
        """Return the content. Raises VaultMissing, VaultCorrupt or VaultKeyMissing."""

    @abstractmethod
    def delete(self, name: str) -> bool:
        """Remove the object; False where there was none."""

    @abstractmethod
    def exists(self, name: str) -> bool: ...

    @abstractmethod
    def names(self) -> Iterator[str]: ...

    @abstractmethod
    def stored_at(self, name: str) -> datetime:
        """When the object was last put (UTC). Raises VaultMissing."""

    @abstractmethod
    def delete_stale(self, name: str, older_than: timedelta) -> bool:
        """Remove the object unless it was put within ``older_than``, checked at the last moment."""

    def stale(self, is_referenced: Callable[[str], bool], older_than: timedelta) -> Iterator[str]:
        """Names that nothing refers to and that were last put longer than ``older_than`` ago.

        Sweep with ``delete_stale``: an upload may claim the name again in between.
        """
        limit = datetime.now(UTC) - older_than
        for name in self.names():
            with suppress(VaultMissing):
                if self.stored_at(name) < limit and not is_referenced(name):
                    yield name


class LocalVault(Vault):
    """Objects as files in a directory, two levels deep, readable by their owner only."""

    def __init__(self, directory: Path | str, keyring: Keyring) -> None:
        super().__init__(keyring)
        self.directory = Path(directory)

    def put(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        with suppress(FileNotFoundError):
            os.utime(path)  # keeps the sweep away from an object that is claimed again
            return False
        self._write(path, seal(self.keyring, name, data))
        return True

    def get(self, name: str) -> bytes:
        return unseal(self.keyring, name, self._read(name))

    def delete(self, name: str) -> bool:
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        _sync(path.parent)
        return True

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def names(self) -> Iterator[str]:
        for path in sorted(self.directory.glob("??/??/*")):
            if _NAME.fullmatch(path.name):
                yield path.name

    def stored_at(self, name: str) -> datetime:
        try:
            stamp = self._path(name).stat().st_mtime
        except FileNotFoundError:
            raise VaultMissing(f"There is no object {name}.") from None
        return datetime.fromtimestamp(stamp, UTC)

    def delete_stale(self, name: str, older_than: timedelta) -> bool:
        path = self._path(name)
        doomed = path.with_name(f"{_DOOMED}{name}")
        try:
            path.rename(doomed)
        except FileNotFoundError:
            return False
        # From here on a put writes anew. One that came just before has made the file young.
        if _age(doomed) < older_than:
            with suppress(FileExistsError):
                os.link(doomed, path)
            doomed.unlink()
            return False
        doomed.unlink()
        _sync(path.parent)
        return True

    def rewrap(self, name: str) -> bool:
        """Wrap the data key under the current key; the data stays sealed. False where it is so."""
        envelope = self._read(name)
        data_key, key_id, start = _unwrap(self.keyring, name, envelope)
        if key_id == self.keyring.current_id:
            return False
        stamp = self.stored_at(name).timestamp()
        self._write(self._path(name), _wrap(self.keyring, name, data_key) + envelope[start:], stamp)
        return True

    def clear_drafts(self, older_than: timedelta) -> int:
        """Remove what a process that died in mid-write left; returns how many files."""
        removed = 0
        for path in self.directory.glob("??/??/.*"):
            with suppress(FileNotFoundError):
                if path.name.startswith((_DRAFT, _DOOMED)) and _age(path) >= older_than:
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("A vault name is 64 lower-case hex digits.")
        return self.directory / name[:2] / name[2:4] / name

    def _read(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise VaultMissing(f"There is no object {name}.") from None

    def _write(self, path: Path, envelope: bytes, stamp: float | None = None) -> None:
        """Draft beside it, fsync, rename, fsync the directory: whole or not there."""
        self._make_directories(path.parent)
        with _draft(path) as (handle, draft):
            with open(handle, "wb") as out:
                out.write(envelope)
                out.flush()
                os.fsync(out.fileno())
            if stamp is not None:
                os.utime(draft, (stamp, stamp))
            draft.rename(path)
        _sync(path.parent)

    def _make_directories(self, folder: Path) -> None:
        if folder.is_dir():
            return
        for each in (self.directory, folder.parent, folder):
            try:
                each.mkdir(mode=0o700, parents=each == self.directory)
            except FileExistsError:
                continue
            _sync(each.parent)


@contextmanager
def _draft(path: Path) -> Iterator[tuple[int, Path]]:
    handle, text = tempfile.mkstemp(dir=path.parent, prefix=_DRAFT)  # mode 0600
    draft = Path(text)
    try:
        yield handle, draft
    finally:
        draft.unlink(missing_ok=True)


def _age(path: Path) -> timedelta:
    return datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
