"""The archive: a tar inside of a sealed stream.

    manifest.json        what, when, of which version
    database/00000000…   the dump of PostgreSQL, in pieces as it came
    vault/…              the vault's files as they lie, sealed a second time

The manifest comes first. A cut, swapped or changed archive does not read as a whole one.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from dermaclinic.backup.postgres import BackupError
from dermaclinic.sealing.keyring import Keyring
from dermaclinic.sealing.stream import Reader, Writer

FORMAT = 1
PIECE = 8 << 20
MANIFEST, DATABASE, VAULT = "manifest.json", "database", "vault"


class Output:
    """An archive that is being made; whole once `finish` was called."""

    def __init__(self, out: IO[bytes], keyring: Keyring, manifest: dict[str, Any]) -> None:
        self._stream = Writer(out, keyring)
        self._tar = tarfile.open(  # noqa: SIM115 - closed by finish
            fileobj=cast("IO[bytes]", self._stream), mode="w|", format=tarfile.PAX_FORMAT
        )
        self._add(MANIFEST, json.dumps({"format": FORMAT, **manifest}).encode())

    def add_database(self, dump: IO[bytes]) -> int:
        """Take the dump to its end; its size in bytes."""
        size, number = 0, 0
        while piece := dump.read(PIECE):
            self._add(f"{DATABASE}/{number:08}", piece)
            size, number = size + len(piece), number + 1
        return size

    def add_object(self, name: str, data: bytes) -> None:
        """Take a file of the vault, by its path in the vault's folder."""
        self._add(f"{VAULT}/{name}", data)

    def finish(self) -> None:
        """Make the archive whole."""
        self._tar.close()
        self._stream.finish()

    def _add(self, name: str, data: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o600
        self._tar.addfile(entry, io.BytesIO(data))


def members(source: IO[bytes], keyring: Keyring) -> Iterator[tuple[PurePosixPath, bytes]]:
    """All that an archive holds, in order, the manifest first; read to its end, it was whole.

    Raises VaultCorrupt, VaultKeyMissing, or BackupError for what no backup holds.
    """
    reader = Reader(source, keyring)
    with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r|") as tar:
        for number, entry in enumerate(tar):
            path = PurePosixPath(entry.name)
            inner = tar.extractfile(entry) if entry.isreg() else None
            if inner is None or path.is_absolute() or ".." in path.parts:
                raise BackupError(f"The archive holds {entry.name}, which no backup holds.")
            if (number == 0) != (entry.name == MANIFEST):
                raise BackupError("The archive does not begin with its manifest.")
            yield path, inner.read()
    while reader.read(1 << 20):
        pass  # tar's padding: the stream must be seen to end as it was sealed


def manifest(source: IO[bytes], keyring: Keyring) -> dict[str, Any]:
    """What an archive says of itself. BackupError for another format than this one's."""
    for _path, data in members(source, keyring):
        found: dict[str, Any] = json.loads(data)
        if found.get("format") != FORMAT:
            raise BackupError("The archive was made by another version: restore it with that one.")
        return found
    raise BackupError("The archive is empty.")


def verify(path: Path, keyring: Keyring) -> dict[str, Any]:
    """Read an archive to its end, and return its manifest with what was counted."""
    with open(path, "rb") as source:
        found = manifest(source, keyring)
        source.seek(0)
        sizes = {DATABASE: 0, VAULT: 0}
        objects = 0
        for name, data in members(source, keyring):
            if name.parts[0] in sizes:
                sizes[name.parts[0]] += len(data)
                objects += name.parts[0] == VAULT
    return {**found, "database_bytes": sizes[DATABASE], "objects": objects}
