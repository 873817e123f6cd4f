"""One person's machine and `make demo`: plain HTTP, keys made by the demo's own state directory."""

import os

from dermaclinic import embedded
from dermaclinic.settings import environment
from dermaclinic.settings.base import *  # noqa: F403 - settings modules are layered by star import
from dermaclinic.settings.base import SECRET_KEY as _given

_named = environment.names("ALLOWED_HOSTS")
_own = environment.names_of(os.environ.get("HOST", ""))
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *_named, *_own]
CSRF_TRUSTED_ORIGINS = environment.origins(_named)
SECRET_KEY = _given or embedded.development_key()
INSTALLED_APPS = [*INSTALLED_APPS, "demo"]  # noqa: F405 - from base
