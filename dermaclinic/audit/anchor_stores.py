"""Where anchors are kept: out of the database's reach."""

import os
from pathlib import Path
from typing import Protocol


class AnchorStore(Protocol):
    """Lines that are added at the end and never changed. Errors are OSErrors."""

    def append(self, lines: list[bytes]) -> None:
        """Keep lines, without their newlines, behind all others; kept for good on return."""

    def lines(self) -> list[bytes]:
        """All lines, oldest first."""


class FileStore:
    """A file on another disk or host than the database's, best made append-only (`chattr +a`)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, lines: list[bytes]) -> None:
        """One write and one fsync. What a crash left of a line gets a newline of its own."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            torn = False
            if size:
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
            content = (b"\n" if torn else b"") + b"".join(line + b"\n" for line in lines)
            if file.write(content) != len(content):
                raise OSError(f"{self.path} did not take a whole line.")
            os.fsync(file.fileno())
        if new:
            directory = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def lines(self) -> list[bytes]:
        """All lines; none when there is no file."""
        return self.path.read_bytes().splitlines() if self.path.exists() else []


def store() -> AnchorStore | None:
    """What AUDIT_ANCHOR names, a file; None when it is empty and nothing is anchored."""
    from django.conf import settings

    return FileStore(Path(settings.AUDIT_ANCHOR)) if settings.AUDIT_ANCHOR else None
