"""The vault: every image lies here sealed, under a name that tells nothing.

Each object has its own AES-256-GCM data key, wrapped by a key-encryption key that can be changed.
A name is an HMAC under a key of its clinic: equal files of two clinics or two patients do not meet.
"""

import fcntl
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from dermaclinic.sealing import envelope, slots
from dermaclinic.sealing.keyring import (
    Keyring,
    VaultCorrupt,
    VaultError,
    VaultKeyMissing,
    VaultMissing,
)

__all__ = [
    "Keyring",
    "LocalVault",
    "Vault",
    "VaultCorrupt",
    "VaultError",
    "VaultKeyMissing",
    "VaultMissing",
]

_NAME = re.compile(r"[0-9a-f]{64}")
_DRAFT, _DOOMED = ".draft-", ".doomed-"
_NOTES = "keys"  # a folder beside those of the objects, whose names have two digits
_LOOKS = 3  # at a header that is being replaced


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

    @abstractmethod
    def key_ids(self, name: str) -> set[str]:
        """The keys under which the object's data key is wrapped; two while it is rewrapped.
        Raises VaultMissing or VaultCorrupt."""

    @abstractmethod
    def rewrap(self, name: str) -> bool:
        """Wrap the data key under the current key alone; False where it is so.

        The sealed data are not read and not written. Whenever this is cut off, the object opens,
        and the next call finishes. Its age may start anew: the sweep then waits a day longer.
        """

    @abstractmethod
    def notes(self) -> dict[str, bytes]:
        """The few small things that lie beside the objects (`key_checks.py`), by name."""

    @abstractmethod
    def note(self, name: str, data: bytes) -> None:
        """Keep a note; one that is there already stays as it is."""

    @abstractmethod
    def forget(self, name: str) -> None:
        """Remove a note, if it is there."""

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
        data_key, sealed = envelope.seal_data(name, data)
        self._write(path, slots.first(self.keyring, name, data_key) + sealed)
        return True

    def get(self, name: str) -> bytes:
        for look in range(1, _LOOKS + 1):
            try:
                return self._open(name, self._read(name))
            except VaultCorrupt:
                # A reader may see the one slot before and the other after it was replaced.
                if look == _LOOKS:
                    raise
        raise AssertionError  # the last look returned or raised

    def _open(self, name: str, whole: bytes) -> bytes:
        if whole.startswith(envelope.MAGIC):  # an object from before headers could be replaced
            return envelope.unseal(self.keyring, name, whole)
        data_key = slots.data_key(self.keyring, name, whole[: slots.HEADER])
        return envelope.open_data(name, data_key, whole[slots.HEADER :])

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

    def key_ids(self, name: str) -> set[str]:
        with self._opened(name, "rb") as file:
            header = file.read(slots.HEADER)
        if header.startswith(envelope.MAGIC):
            return {envelope.key_id_of(name, header)}
        found = {slot.key_id for slot in slots.read(header)}
        if not found:
            raise VaultCorrupt(f"Object {name} is no envelope of this vault.")
        return found

    def rewrap(self, name: str) -> bool:
        with self._opened(name, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            header = file.read(slots.HEADER)
            if header.startswith(envelope.MAGIC):
                return self._modernise(name, header + file.read())
            found = slots.read(header)
            if not found:
                raise VaultCorrupt(f"Object {name} is no envelope of this vault.")
            new = slots.successor(self.keyring, name, found)
            if new is not None:
                _replace(file.fileno(), new.place, new.pack())
            keep = new or found[0]
            after = os.pread(file.fileno(), slots.HEADER, 0)
            if slots.read(after)[:1] != [keep]:
                raise VaultError(f"Object {name} could not be rewrapped: the disk tells otherwise.")
            other = 1 - keep.place
            spare = after[other * slots.SLOT :][: slots.SLOT]
            if spare != slots.EMPTY:
                _replace(file.fileno(), other, slots.EMPTY)
            return spare != slots.EMPTY

    def _modernise(self, name: str, whole: bytes) -> bool:
        """Give an old object a header that can be replaced; its sealed data are copied."""
        key_id, wrapped, sealed = envelope.split(name, whole)
        data_key = envelope.unwrap(self.keyring, name, key_id, wrapped)
        self._write(self._path(name), slots.first(self.keyring, name, data_key) + sealed)
        return True

    def notes(self) -> dict[str, bytes]:
        found = (self.directory / _NOTES).glob("[!.]*")
        return {path.name: path.read_bytes() for path in sorted(found)}

    def note(self, name: str, data: bytes) -> None:
        path = self.directory / _NOTES / name
        if not path.exists():
            self._write(path, data)

    def forget(self, name: str) -> None:
        (self.directory / _NOTES / name).unlink(missing_ok=True)

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
        with self._opened(name, "rb") as file:
            return file.read()

    @contextmanager
    def _opened(self, name: str, mode: str) -> Iterator[IO[bytes]]:
        try:
            file = open(self._path(name), mode, buffering=0)  # noqa: SIM115 - closed below
        except FileNotFoundError:
            raise VaultMissing(f"There is no object {name}.") from None
        with file:
            yield file

    def _write(self, path: Path, whole: bytes) -> None:
        """Draft beside it, fsync, rename, fsync the directory: whole or not there."""
        self._make_directories(path.parent)
        with _draft(path) as (handle, draft):
            with open(handle, "wb") as out:
                out.write(whole)
                out.flush()
                os.fsync(out.fileno())
            draft.rename(path)
        _sync(path.parent)

    def _make_directories(self, folder: Path) -> None:
        if folder.is_dir():
            return
        for each in dict.fromkeys((self.directory, folder.parent, folder)):
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


def _replace(handle: int, place: int, raw: bytes) -> None:
    """Write one slot and wait until it is on the disk."""
    os.pwrite(handle, raw, place * slots.SLOT)
    os.fsync(handle)
