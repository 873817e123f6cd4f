"""The vault: what is put comes back, and nothing else does."""

import base64
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from imaging import vault as vaults
from imaging.vault import (
    Keyring,
    LocalVault,
    VaultCorrupt,
    VaultKeyMissing,
    VaultMissing,
)

NAME = "ab" * 32
OTHER = "cd" * 32
DAY = timedelta(days=1)


def text(byte: bytes = b"k") -> str:
    return base64.b64encode(byte * 32).decode()


def keyring(*ids: str) -> Keyring:
    """Keys by id; the same id is always the same key."""
    return Keyring.parse(",".join(f"{each}:{text(each[:1].encode())}" for each in ids), text(b"n"))


@pytest.fixture
def vault(tmp_path: Path) -> LocalVault:
    return LocalVault(tmp_path / "vault", keyring("a"))


def only_file(vault: LocalVault) -> Path:
    found = [path for path in vault.directory.rglob("*") if path.is_file()]
    assert len(found) == 1
    return found[0]


def age(path: Path, by: timedelta) -> None:
    stamp = path.stat().st_mtime - by.total_seconds()
    os.utime(path, (stamp, stamp))


@pytest.mark.parametrize("data", [b"", b"x", os.urandom(1 << 20)])
def test_what_is_put_comes_back_sealed(vault: LocalVault, data: bytes) -> None:
    assert vault.put(NAME, data) is True
    assert vault.get(NAME) == data
    stored = only_file(vault).read_bytes()
    assert not data or data not in stored or len(data) == 1
    assert len(stored) > len(data) + 80


def test_files_lie_two_deep_and_are_the_owners_alone(vault: LocalVault) -> None:
    vault.put(NAME, b"x")
    path = only_file(vault)
    assert path == vault.directory / "ab" / "ab" / NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent, vault.directory):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_put_changes_nothing_and_says_so(vault: LocalVault) -> None:
    vault.put(NAME, b"first")
    before = only_file(vault).read_bytes()
    assert vault.put(NAME, b"first") is False
    assert only_file(vault).read_bytes() == before


def test_equal_contents_look_different(vault: LocalVault) -> None:
    vault.put(NAME, b"same")
    vault.put(OTHER, b"same")
    one, two = (vault.directory / name[:2] / name[2:4] / name for name in (NAME, OTHER))
    assert one.read_bytes()[-20:] != two.read_bytes()[-20:]


def test_delete_exists_and_names(vault: LocalVault) -> None:
    assert list(vault.names()) == [] and not vault.exists(NAME)
    vault.put(OTHER, b"x")
    vault.put(NAME, b"x")
    assert list(vault.names()) == [NAME, OTHER] and vault.exists(NAME)
    assert vault.delete(NAME) is True
    assert vault.delete(NAME) is False
    assert list(vault.names()) == [OTHER]
    for look in (vault.get, vault.stored_at):
        with pytest.raises(VaultMissing):
            look(NAME)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 32 + "\n", "a/" * 32]
)
def test_a_name_is_a_name(vault: LocalVault, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: vault.put(name, b"x"),
        lambda: vault.get(name),
        lambda: vault.delete(name),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="64 lower-case hex"):
            call()
    assert not vault.directory.exists()


def test_every_changed_byte_is_noticed(vault: LocalVault) -> None:
    vault.put(NAME, b"picture")
    path = only_file(vault)
    good = path.read_bytes()
    spare = range(512, 1024)  # the header's free slot, where a torn write is no damage
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        if position in spare:
            assert vault.get(NAME) == b"picture"
            continue
        with pytest.raises((VaultCorrupt, VaultKeyMissing)):
            vault.get(NAME)
    for cut in (0, 5, 20, 600, 1024, 1030, len(good) - 1):
        path.write_bytes(good[:cut])
        with pytest.raises(VaultCorrupt):
            vault.get(NAME)
    path.write_bytes(good + b"\0")
    with pytest.raises(VaultCorrupt):
        vault.get(NAME)
    path.write_bytes(good)
    assert vault.get(NAME) == b"picture"


def test_an_object_under_another_name_does_not_open(vault: LocalVault) -> None:
    vault.put(NAME, b"one patient's")
    vault.put(OTHER, b"another's")
    one, two = (vault.directory / name[:2] / name[2:4] / name for name in (NAME, OTHER))
    two.write_bytes(one.read_bytes())
    with pytest.raises(VaultCorrupt):
        vault.get(OTHER)


def test_a_key_that_is_gone_is_told_from_damage(vault: LocalVault) -> None:
    vault.put(NAME, b"x")
    with pytest.raises(VaultKeyMissing, match="'a'"):
        LocalVault(vault.directory, keyring("b")).get(NAME)
    impostor = Keyring.parse(f"a:{text(b'z')}", text(b"n"))
    with pytest.raises(VaultCorrupt):
        LocalVault(vault.directory, impostor).get(NAME)


def test_keys_rotate_and_names_stay(vault: LocalVault) -> None:
    clinic, patient = uuid4(), uuid4()
    name = vault.name_for(clinic, patient, NAME)
    vault.put(name, b"picture")

    rotated = LocalVault(vault.directory, keyring("b", "a"))
    assert rotated.name_for(clinic, patient, NAME) == name
    assert rotated.get(name) == b"picture"
    assert rotated.rewrap(name) is True
    assert rotated.rewrap(name) is False

    assert LocalVault(vault.directory, keyring("b")).get(name) == b"picture"
    with pytest.raises(VaultKeyMissing):
        vault.get(name)


def test_names_link_neither_clinics_nor_patients(vault: LocalVault) -> None:
    clinics, patients = [uuid4(), uuid4()], [uuid4(), uuid4()]
    digests = [NAME, OTHER]
    names = {vault.name_for(c, p, d) for c in clinics for p in patients for d in digests}
    assert len(names) == 8 and NAME not in names
    assert vault.name_for(clinics[0], str(patients[0]), NAME) in names
    other_key = Keyring.parse(f"a:{text()}", text(b"m"))
    assert other_key.name_for(clinics[0], patients[0], NAME) not in names
    with pytest.raises(ValueError, match="SHA-256"):
        vault.name_for(clinics[0], patients[0], "not a digest")


def test_a_write_that_dies_leaves_nothing_under_the_name(
    vault: LocalVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    vault.put(OTHER, b"x")
    monkeypatch.setattr(vaults.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        vault.put(NAME, b"x")
    monkeypatch.undo()
    assert list(vault.names()) == [OTHER]
    assert only_file(vault).name == OTHER


def test_the_file_is_durable_before_it_has_its_name(
    vault: LocalVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.rename

    def note_sync(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        steps.append(kind)
        sync(handle)

    def note_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(vaults.os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)
    vault.put(NAME, b"x")
    assert steps[-3:] == ["file", "rename", "folder"]


def test_stale_names_are_old_and_unreferenced(vault: LocalVault) -> None:
    names = ["11" * 32, "22" * 32, "33" * 32]
    for name in names:
        vault.put(name, b"x")
    for name in names[:2]:
        age(vault.directory / name[:2] / name[2:4] / name, 2 * DAY)
    assert list(vault.stale({names[0]}.__contains__, DAY)) == [names[1]]
    assert list(vault.stale(lambda _name: False, DAY)) == names[:2]


def test_a_sweep_spares_what_was_claimed_again(vault: LocalVault) -> None:
    vault.put(NAME, b"x")
    age(only_file(vault), 2 * DAY)
    assert list(vault.stale(lambda _name: False, DAY)) == [NAME]
    assert vault.put(NAME, b"x") is False  # the same upload once more, before the sweep gets there
    assert vault.delete_stale(NAME, DAY) is False
    assert vault.get(NAME) == b"x"
    age(only_file(vault), 2 * DAY)
    assert vault.delete_stale(NAME, DAY) is True
    assert vault.delete_stale(NAME, DAY) is False
    assert not [path for path in vault.directory.rglob("*") if path.is_file()]


def test_drafts_of_the_dead_are_cleared(vault: LocalVault) -> None:
    vault.put(NAME, b"x")
    folder = only_file(vault).parent
    for name in (".draft-old", ".doomed-old", ".draft-new"):
        (folder / name).write_bytes(b"half")
    for name in (".draft-old", ".doomed-old"):
        age(folder / name, 2 * DAY)
    assert vault.clear_drafts(DAY) == 2
    assert {path.name for path in folder.iterdir()} == {NAME, ".draft-new"}
    assert list(vault.names()) == [NAME]


@pytest.mark.parametrize(
    ("keys", "naming"),
    [
        ("", text()),
        (" , ", text()),
        (text(), text()),
        (f"a:{text()[:-8]}", text()),
        ("a:not base64!", text()),
        (f"a:{base64.b64encode(bytes(16)).decode()}", text()),
        (f"a:{text()},a:{text()}", text()),
        (f"bad id:{text()}", text()),
        (f"a:{text()}", ""),
        (f"a:{text()}", "short"),
    ],
)
def test_missing_or_short_keys_are_refused_without_being_told(keys: str, naming: str) -> None:
    with pytest.raises(VaultKeyMissing) as caught:
        Keyring.parse(keys, naming)
    message = str(caught.value)
    assert "VAULT_" in message and text()[:8] not in message


def test_keys_come_from_the_environment() -> None:
    environment = {"VAULT_KEYS": f"new:{text(b'a')}, old:{text(b'b')}", "VAULT_NAMING_KEY": text()}
    made = Keyring.from_environment(environment)
    assert made.current_id == "new" and set(made.keys) == {"new", "old"}
    assert text(b"a") not in repr(made) and repr(b"a" * 8)[2:-1] not in repr(made)
    with pytest.raises(VaultKeyMissing):
        Keyring.from_environment({})
