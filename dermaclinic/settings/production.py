"""A clinic's server: HTTPS only, every secret required, nothing made up."""

from django.core.exceptions import ImproperlyConfigured

from dermaclinic.settings.base import *  # noqa: F403 - settings modules are layered by star import
from dermaclinic.settings.base import DATABASE_ROLE as _role
from dermaclinic.settings.environment import names, origins, required
from dermaclinic.settings.strength import ring, signing_secret

SECRET_KEY = signing_secret("SECRET_KEY", required("SECRET_KEY"))
AUDIT_EVENT_KEY = ring("AUDIT_EVENT_KEY", required("AUDIT_EVENT_KEY"))
if _role == "sealer":
    AUDIT_SEAL_KEY = ring("AUDIT_SEAL_KEY", required("AUDIT_SEAL_KEY"))
if _role in ("web", "worker"):  # the others open no image
    VAULT_KEYS = required("VAULT_KEYS")
    VAULT_NAMING_KEY = required("VAULT_NAMING_KEY")
VAULT_REFUSES_DEMO_KEYS = True
if _role == "web":
    required("ALLOWED_HOSTS")
    if not TRUSTED_PROXIES:  # noqa: F405 - from base
        raise ImproperlyConfigured(
            "Set TRUSTED_PROXIES to the address or network that the reverse proxy's requests come "
            "from: without it all callers have the proxy's address, and whoever is slowed down or "
            "locked out takes everybody with them."
        )
ALLOWED_HOSTS = names("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = origins(ALLOWED_HOSTS)

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"  # RFC 6265bis: HTTPS, this host alone, the whole of it
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
