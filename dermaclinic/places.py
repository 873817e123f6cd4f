"""Where the private servers keep their files and sockets, and as whom they run."""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dermaclinic.processes import Account, ServerError

DATABASE = "dermaclinic"
SOCKET_PATH_LIMIT = 107  # bytes of sun_path without its final zero


@dataclass(frozen=True)
class Places:
    """Where the servers of one state directory keep their files, sockets and logs."""

    home: Path
    sockets: Path
    logs: Path

    @classmethod
    def of(cls, state: Path) -> "Places":
        """The same places at every call. Creates nothing."""
        mark = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
        home = state / "servers"
        if os.geteuid() == 0 and not _open_to_all(state.parent):
            # PostgreSQL refuses to run as root, and its user could not get into this directory.
            home = Path("/var/lib/dermaclinic") / mark
        sockets = home / "run"
        if len(os.fsencode(sockets / ".s.PGSQL.5432.lock")) > SOCKET_PATH_LIMIT:
            short = f"/tmp/dermaclinic-{os.geteuid()}-{mark}"  # noqa: S108 - _own_directory looks
            sockets = Path(short)
        return cls(home=home, sockets=sockets, logs=state / "log")

    @property
    def database_url(self) -> str:
        """The owner's URL of the private database."""
        host = quote(str(self.sockets), safe="/")
        return f"postgresql://dermaclinic_owner@/{DATABASE}?host={host}"

    @property
    def redis_url(self) -> str:
        """The private Redis, as redis-py writes it; see `celery_url` for Celery's way."""
        return f"unix://{self.sockets}/redis.sock?db=0"

    def prepare(self, state: Path, account: Account | None) -> None:
        """Make the directories; those of the servers are private to their user."""
        if account is not None:
            state.chmod(0o711)  # its own files are private one by one
        self.logs.mkdir(mode=0o700, exist_ok=True)
        if self.home.parent != state:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.home.parent.chmod(0o711)
        for directory in (self.home, self.sockets):
            _own_directory(directory, account)


def _open_to_all(directory: Path) -> bool:
    """True when any user may walk into the directory, or could if it existed."""
    return all(
        parent.stat().st_mode & stat.S_IXOTH
        for parent in (directory, *directory.parents)
        if parent.exists()
    )


def server_account() -> Account | None:
    """The user the servers run as: oneself, or, for root, a system user without a shell."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("dermaclinic")
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        if shutil.which("useradd"):
            subprocess.run([*command, "dermaclinic"], check=False, capture_output=True)
        try:
            entry = pwd.getpwnam("dermaclinic")
        except KeyError:
            entry = pwd.getpwnam("nobody")
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _own_directory(directory: Path, account: Account | None) -> None:
    uid = account.uid if account else os.geteuid()
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
        raise ServerError(f"{directory} belongs to someone else. Remove it and start again.")
    directory.chmod(0o700)
    if account is not None:
        os.chown(directory, account.uid, account.gid)
