"""The one vault of this installation, made from the settings."""

import uuid
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from imaging.vault import Keyring, LocalVault, Vault


@lru_cache(maxsize=4)
def _vault(directory: Path, keys: str, naming_key: str) -> Vault:
    return LocalVault(directory, Keyring.parse(keys, naming_key))


def vault() -> Vault:
    """Sealed storage as the settings describe it; VaultKeyMissing without keys."""
    return _vault(Path(settings.VAULT_DIR), settings.VAULT_KEYS, settings.VAULT_NAMING_KEY)


def name_for(clinic_id: uuid.UUID, patient_id: uuid.UUID, sha256: str) -> str:
    """The name under which these bytes of this patient are kept; it links no two patients."""
    return vault().name_for(clinic_id, patient_id, sha256)
