"""The test suite: the same servers and roles as the product, fast password hashing, fixed keys."""

import base64

from dermaclinic.settings import environment
from dermaclinic.settings.base import *  # noqa: F403 - settings modules are layered by star import

SECRET_KEY = "testing-only"  # noqa: S105 - guards nothing outside the suite
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MFA_ROLES = ()  # the tests of the second factor ask for it themselves


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


VAULT_KEYS = f"test:{_key('v')}"
VAULT_NAMING_KEY = _key("n")
AUDIT_EVENT_KEY = _key("e")
AUDIT_SEAL_KEY = _key("s")

# The login is the owner's, who makes the database; tests then act as web (tests/database.py).
# Tests roll back, so denials take the same connection; one test gives them their own.
DATABASE_ROLE = "web"
DATABASES = {"default": environment.database("owner")}
AUDIT_DENIALS_DATABASE = "default"
INSTALLED_APPS = [*INSTALLED_APPS, "demo"]  # noqa: F405 - from base
# Nothing has been collected when a test begins; the browser tests collect, and use the real one.
MIDDLEWARE = [each for each in MIDDLEWARE if not each.startswith("whitenoise.")]  # noqa: F405
# No test is in a hurry; those of the limits set their own, and those of Redis name it themselves.
RATE_LIMITS = dict.fromkeys(RATE_LIMITS, (1_000_000, 60))  # noqa: F405 - from base
CACHES = {"default": CACHES["default"], "counts": CACHES["default"]}  # noqa: F405 - from base
