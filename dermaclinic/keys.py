"""Secrets that a demo or a developer's machine makes for itself, once, in the state directory.

A clinic's server gets its secrets from its environment and never comes here.
"""

import base64
import json
import os
import secrets
import tempfile
from pathlib import Path

SEAL_KEY = "AUDIT_SEAL_KEY"  # for the sealer's process only


def _fresh() -> dict[str, str]:
    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return {
        # Each says whose it is: production refuses them.
        "SECRET_KEY": f"demo-{secrets.token_urlsafe(50)}",
        "VAULT_KEYS": f"demo:{key()}",
        "VAULT_NAMING_KEY": key(),
        "AUDIT_EVENT_KEY": f"demo:{key()}",
        SEAL_KEY: f"demo:{key()}",
        "DEMO_PASSWORD": "-".join(secrets.token_hex(2) for _ in range(3)),
    }


def read(state: Path) -> dict[str, str]:
    """All secrets of a state directory, made at the first call and readable by their owner only.

    Two processes that come first together agree on one set.
    """
    file = state / "keys.json"
    if not file.exists():
        state.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=state, prefix="keys-")  # mode 0600
        with open(handle, "w") as out:
            json.dump(_fresh(), out, indent=2)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink()
    found: dict[str, str] = json.loads(file.read_text())
    return found
