"""The one vault of this installation, made from the settings."""

import uuid
from pathlib import Path

from django.conf import settings

from dermaclinic.sealing.installed import keyring
from imaging.vault import LocalVault, Vault


def vault() -> Vault:
    """Sealed storage as the settings describe it; VaultKeyMissing without keys."""
    return LocalVault(Path(settings.VAULT_DIR), keyring())


def name_for(clinic_id: uuid.UUID, patient_id: uuid.UUID, sha256: str) -> str:
    """The name under which these bytes of this patient are kept; it links no two patients."""
    return vault().name_for(clinic_id, patient_id, sha256)
