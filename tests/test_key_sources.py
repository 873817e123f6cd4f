"""Keys from the environment, from a file, and from a key management."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from dermaclinic.sealing import sources
from dermaclinic.sealing.keyring import Keyring, VaultKeyMissing
from dermaclinic.sealing.management import FileKeyManagement, KeyManagement

KEY, OTHER, NAMING = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"o", b"n"))


def key_file(folder: Path, text: str, mode: int = 0o400) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_holds_a_key_a_line(tmp_path: Path) -> None:
    path = key_file(tmp_path, f"new:{KEY}\nold:{OTHER}\n")
    text = sources.value("VAULT_KEYS", {"VAULT_KEYS_FILE": str(path)})
    found = sources.keyring(text, NAMING)
    assert found.keys == {"new": b"k" * 32, "old": b"o" * 32}
    assert found.current_id == "new"


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o660, 0o620, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, f"new:{KEY}", mode)
    with pytest.raises(VaultKeyMissing, match="chmod 0400") as refused:
        sources.value("VAULT_KEYS", {"VAULT_KEYS_FILE": str(path)})
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_file_of_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, f"new:{KEY}", mode)
    assert sources.value("VAULT_KEYS", {"VAULT_KEYS_FILE": str(path)}) == f"new:{KEY}"


def test_what_is_no_readable_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, Path("/dev/null")):
        with pytest.raises(VaultKeyMissing, match="VAULT_KEYS_FILE"):
            sources.value("VAULT_KEYS", {"VAULT_KEYS_FILE": str(path)})
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    binary.chmod(0o400)
    with pytest.raises(VaultKeyMissing):
        sources.value("VAULT_KEYS", {"VAULT_KEYS_FILE": str(binary)})


def test_two_sources_at_once_are_one_too_many(tmp_path: Path) -> None:
    path = key_file(tmp_path, f"new:{KEY}")
    with pytest.raises(VaultKeyMissing, match="not both"):
        sources.value("VAULT_KEYS", {"VAULT_KEYS": "x", "VAULT_KEYS_FILE": str(path)})
    assert sources.value("VAULT_KEYS", {}) == ""


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileKeyManagement:
    text = base64.b64encode(secrets.token_bytes(32)).decode()
    monkeypatch.setenv("VAULT_MASTER_KEY_FILE", str(key_file(tmp_path, text)))
    return FileKeyManagement.from_environment(os.environ)


FILE_KMS = "dermaclinic.sealing.management.FileKeyManagement"


def wrapped(management: KeyManagement, key_id: str, key: bytes) -> str:
    return base64.b64encode(management.wrap(key_id, key)).decode()


def test_keys_that_a_management_wrapped_are_unwrapped(master: FileKeyManagement) -> None:
    keys = f"a:{wrapped(master, 'a', b'k' * 32)},b:{wrapped(master, 'b', b'o' * 32)}"
    naming = wrapped(master, "naming", b"n" * 32)
    found = sources.keyring(keys, naming, FILE_KMS)
    assert found == Keyring({"a": b"k" * 32, "b": b"o" * 32}, b"n" * 32)
    assert b"k" * 32 not in base64.b64decode(keys.split(",")[0][2:])


def test_a_wrapped_key_is_bound_to_its_id(master: FileKeyManagement) -> None:
    naming = wrapped(master, "naming", b"n" * 32)
    with pytest.raises(VaultKeyMissing, match="'b'"):
        sources.keyring(f"b:{wrapped(master, 'a', b'k' * 32)}", naming, FILE_KMS)
    with pytest.raises(VaultKeyMissing, match="'naming'"):
        sources.keyring(f"a:{wrapped(master, 'a', b'k' * 32)}", naming[:-8] + "AAAAAAA=", FILE_KMS)


def test_another_master_key_opens_nothing(
    master: FileKeyManagement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = f"a:{wrapped(master, 'a', b'k' * 32)}"
    folder = tmp_path / "other"
    folder.mkdir()
    monkeypatch.setenv("VAULT_MASTER_KEY_FILE", str(key_file(folder, KEY)))
    with pytest.raises(VaultKeyMissing, match="another one's"):
        sources.keyring(keys, NAMING, FILE_KMS)
    monkeypatch.delenv("VAULT_MASTER_KEY_FILE")
    with pytest.raises(VaultKeyMissing, match="VAULT_MASTER_KEY_FILE"):
        sources.keyring(keys, NAMING, FILE_KMS)


class Hospital(KeyManagement):
    """A management of somebody else's, as a hospital would write one."""

    asked = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Hospital":
        return cls()

    def wrap(self, key_id: str, key: bytes) -> bytes:
        return bytes(byte ^ 0x55 for byte in key)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        Hospital.asked += 1
        return self.wrap(key_id, wrapped)


def test_ones_own_management_is_asked_once_for_each_key() -> None:
    keys = f"a:{wrapped(Hospital(), 'a', b'k' * 32)}"
    naming = wrapped(Hospital(), "naming", b"n" * 32)
    found = sources.keyring(keys, naming, f"{__name__}.Hospital")
    assert found == Keyring({"a": b"k" * 32}, b"n" * 32)
    assert Hospital.asked == 2


@pytest.mark.parametrize(
    "dotted", ["Hospital", "no.such.Module", f"{__name__}.KEY", "os.path.join"]
)
def test_what_is_no_management_is_told(dotted: str) -> None:
    with pytest.raises(VaultKeyMissing, match="VAULT_KMS"):
        sources.keyring(f"a:{KEY}", NAMING, dotted)
