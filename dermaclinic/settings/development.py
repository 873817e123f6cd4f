"""One person's machine and `make demo`: plain HTTP, keys made by the demo's own state directory."""

import os

from dermaclinic import embedded
from dermaclinic.settings import base as _base, environment
from dermaclinic.settings.base import *  # noqa: F403 - settings modules are layered by star import

_named = environment.names("ALLOWED_HOSTS")
_own = environment.names_of(os.environ.get("HOST", ""))
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *_named, *_own]
CSRF_TRUSTED_ORIGINS = environment.origins(_named)
SECRET_KEY = _base.SECRET_KEY or embedded.development_key()
# The demo's own keys, so that `manage.py verify_audit` works beside it.
VAULT_KEYS = _base.VAULT_KEYS or embedded.development_key("VAULT_KEYS")
VAULT_NAMING_KEY = _base.VAULT_NAMING_KEY or embedded.development_key("VAULT_NAMING_KEY")
AUDIT_EVENT_KEY = _base.AUDIT_EVENT_KEY or embedded.development_key("AUDIT_EVENT_KEY")
if _base.DATABASE_ROLE == "sealer":
    AUDIT_SEAL_KEY = _base.AUDIT_SEAL_KEY or embedded.development_key("AUDIT_SEAL_KEY")
AUDIT_ANCHOR = _base.AUDIT_ANCHOR or str(embedded.state_dir() / "anchors" / "audit.jsonl")
INSTALLED_APPS = [*INSTALLED_APPS, "demo"]  # noqa: F405 - from base
