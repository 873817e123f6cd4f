"""The archive's own rules, the keys' backup, and the commands around them."""

import io
import json
import os
import secrets
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, cast

import pytest

from dermaclinic.backup import __main__ as commands, archive, key_backup, postgres
from dermaclinic.backup.postgres import BackupError
from dermaclinic.sealing import stream
from dermaclinic.sealing.keyring import Keyring, VaultKeyMissing

PROJECT = Path(__file__).resolve().parents[2]
RING = Keyring({"a": b"a" * 32}, b"n" * 32)
PASSPHRASE = "five words are quite enough"


def made(*objects: tuple[str, bytes], dump: bytes = b"") -> bytes:
    out = io.BytesIO()
    into = archive.Output(out, RING, {"made_at": "2026-11-21"})
    into.add_database(io.BytesIO(dump))
    for name, data in objects:
        into.add_object(name, data)
    into.finish()
    return out.getvalue()


def test_what_goes_in_comes_out_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PIECE", 1000)
    dump, picture = os.urandom(2500), os.urandom(3 << 20)
    whole = made(("ab/cd/x", picture), ("keys/key-a", b"k"), dump=dump)
    found = list(archive.members(io.BytesIO(whole), RING))
    assert [str(name) for name, _ in found] == [
        "manifest.json", "database/00000000", "database/00000001", "database/00000002",
        "vault/ab/cd/x", "vault/keys/key-a",
    ]  # fmt: skip
    assert json.loads(found[0][1]) == {"format": 1, "made_at": "2026-11-21"}
    assert b"".join(data for name, data in found if name.parts[0] == "database") == dump
    assert found[4][1] == picture


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "vault/../../x"])
def test_a_path_out_of_the_vault_is_refused(name: str) -> None:
    out = io.BytesIO()
    writer = stream.Writer(out, RING)
    with tarfile.open(fileobj=cast("Any", writer), mode="w|") as tar:
        for member in (archive.MANIFEST, name):
            tar.addfile(tarfile.TarInfo(member), io.BytesIO())
    writer.finish()
    with pytest.raises(BackupError, match="which no backup holds"):
        list(archive.members(io.BytesIO(out.getvalue()), RING))


def test_a_link_and_a_missing_manifest_are_refused() -> None:
    for kind, member in ((tarfile.SYMTYPE, archive.MANIFEST), (tarfile.REGTYPE, "vault/x")):
        out = io.BytesIO()
        writer = stream.Writer(out, RING)
        with tarfile.open(fileobj=cast("Any", writer), mode="w|") as tar:
            entry = tarfile.TarInfo(member)
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
        writer.finish()
        with pytest.raises(BackupError):
            list(archive.members(io.BytesIO(out.getvalue()), RING))


def test_another_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FORMAT", 2)
    file = tmp_path / "backup"
    file.write_bytes(made())
    monkeypatch.undo()
    with pytest.raises(BackupError, match="another version"):
        archive.verify(file, RING)


def test_the_keys_come_back_with_the_passphrase_alone() -> None:
    keys = {"VAULT_KEYS": f"a:{secrets.token_hex(8)}", "VAULT_NAMING_KEY": "n"}
    text = key_backup.seal(keys, PASSPHRASE)
    assert key_backup.open_(text, PASSPHRASE) == keys
    assert keys["VAULT_KEYS"] not in text and text.isascii()
    assert max(map(len, text.splitlines())) < 400, "it can be printed"
    with pytest.raises(BackupError, match="passphrase is another"):
        key_backup.open_(text, PASSPHRASE + " ")


def test_a_changed_key_backup_does_not_open() -> None:
    text = key_backup.seal({"VAULT_KEYS": "a:x"}, PASSPHRASE)
    head = json.loads(text)
    weaker = head | {"scrypt": {"n": 2, "r": 8, "p": 1}}
    damaged = head | {"sealed": head["sealed"][:-8] + "AAAAAAA="}
    others: list[Any] = [damaged, weaker, head | {"format": "other"}, {"sealed": "x"}, []]
    for wrong in others:
        with pytest.raises(BackupError):
            key_backup.open_(json.dumps(wrong), PASSPHRASE)
    with pytest.raises(BackupError):
        key_backup.open_("not even JSON", PASSPHRASE)


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(BackupError, match="five words"):
        key_backup.seal({"VAULT_KEYS": "a:x"}, "password1234")


@pytest.fixture
def command(tmp_path: Path) -> Any:
    """Run it as an operator does, in an environment of its own and without Django."""
    words = tmp_path / "passphrase"
    words.write_text(PASSPHRASE)
    words.chmod(0o400)
    keys = {"VAULT_KEYS": "a:" + "YWFh" * 10 + "YWE=", "VAULT_NAMING_KEY": "bm5u" * 10 + "bm4="}
    program = (
        "import sys; sys.modules['django'] = None\n"
        "from dermaclinic.backup.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "PASSPHRASE_FILE": str(words), **keys, **more}
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=PROJECT, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_keys_are_kept_and_opened_by_command(command: Any, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    done = command("keys", str(file), AUDIT_EVENT_KEY="event", DATABASE_URL="postgresql:///x")
    assert done.returncode == 0, done.stderr
    assert "VAULT_KEYS, VAULT_NAMING_KEY, AUDIT_EVENT_KEY are in" in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    opened = command("open-keys", str(file)).stdout.splitlines()
    assert opened == [
        "VAULT_KEYS=a:" + "YWFh" * 10 + "YWE=",
        "VAULT_NAMING_KEY=" + "bm5u" * 10 + "bm4=",
        "AUDIT_EVENT_KEY=event",
    ]
    assert command("keys", str(file)).returncode == 1, "never overwritten"


def test_keys_given_by_file_are_kept_and_what_is_missing_is_named(
    command: Any, tmp_path: Path
) -> None:
    given = {}
    for name in ("SECRET_KEY", "AUDIT_EVENT_KEY"):
        file = tmp_path / name
        file.write_text(f"text of {name}\n")
        file.chmod(0o400)
        given[f"{name}_FILE"] = str(file)
    url = tmp_path / "url"
    url.write_text("postgresql:///x")
    url.chmod(0o400)
    done = command("keys", str(tmp_path / "keys"), DATABASE_URL_FILE=str(url), **given)
    assert done.returncode == 0, done.stderr
    assert "NOT in it: AUDIT_SEAL_KEY." in done.stdout
    opened = command("open-keys", str(tmp_path / "keys")).stdout.splitlines()
    assert opened[2:] == [
        "AUDIT_EVENT_KEY=text of AUDIT_EVENT_KEY",
        "SECRET_KEY=text of SECRET_KEY",
    ]


def test_a_new_key_is_random_and_may_be_wrapped(command: Any, tmp_path: Path) -> None:
    one, two = (command("new-key", "2027").stdout for _ in range(2))
    assert one != two
    assert list(Keyring.parse(one, "bm5u" * 10 + "bm4=").keys) == ["2027"]
    assert command("new-key", "not an id").returncode == 1
    master = tmp_path / "master"
    master.write_text(one.partition(":")[2])
    master.chmod(0o400)
    kms = {"VAULT_KMS": "dermaclinic.sealing.management.FileKeyManagement",
           "VAULT_MASTER_KEY_FILE": str(master)}  # fmt: skip
    wrapped = command("new-key", "2028", **kms).stdout
    with pytest.raises(VaultKeyMissing):
        Keyring.parse(wrapped, "bm5u" * 10 + "bm4=")


def test_what_cannot_be_done_is_a_sentence(command: Any, tmp_path: Path) -> None:
    nowhere = {"DATABASE_URL": "postgresql:///x?host=/nowhere"}
    for arguments, said in (
        (("verify", str(tmp_path / "missing")), "No such file"),
        (("make", str(tmp_path / "new")), "did not answer"),
        (("make", str(tmp_path / "passphrase")), "is there already"),
    ):
        done = command(*arguments, **nowhere)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert "superuser" in command("restore", str(tmp_path / "passphrase")).stderr
    assert not (tmp_path / "new").exists()


def test_the_database_is_named_where_nobody_reads_it() -> None:
    url = "postgresql://me:pass%20word@db.example:5433/clinic?sslmode=require"
    found = postgres.environment(url, user="dermaclinic_backup", password="other")
    assert {name: value for name, value in found.items() if name.startswith("PG")} == {
        "PGHOST": "db.example", "PGPORT": "5433", "PGDATABASE": "clinic", "PGSSLMODE": "require",
        "PGUSER": "dermaclinic_backup", "PGPASSWORD": "other",
    }  # fmt: skip
    assert postgres.environment(url)["PGPASSWORD"] == "pass word"
    with pytest.raises(BackupError, match="options"):
        postgres.environment("postgresql:///x?options=-c")
    assert commands.KEPT
