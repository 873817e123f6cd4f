"""Is a secret one? What production holds against those that it is given, before it starts."""

import base64
import binascii

from django.core.exceptions import ImproperlyConfigured

MIN_CHARACTERS, MIN_DISTINCT = 50, 12  # of SECRET_KEY; token_urlsafe(50) has 67 and about 40
MIN_BYTES, MIN_DISTINCT_BYTES = 32, 16  # of a key; 32 random bytes have about 30
# What examples, tests, demos and generators of projects put where a secret belongs.
_WORDS = ("insecure", "testing-only", "changeme", "change-me", "example", "your-", "s3cret")
_DEMO_IDS = {"demo", "test", "example"}


def signing_secret(name: str, value: str) -> str:
    """The value, or ImproperlyConfigured with what is wrong with it; never the value itself."""
    if value.startswith("demo-") or any(word in value.lower() for word in _WORDS):
        raise ImproperlyConfigured(f"{name} is a demo's or an example's. Make one of your own.")
    if len(value) < MIN_CHARACTERS or len(set(value)) < MIN_DISTINCT:
        raise ImproperlyConfigured(
            f"{name} is too short or too regular: give {MIN_CHARACTERS} random characters or more."
        )
    return value


def ring(name: str, value: str) -> str:
    """The same for a ring of keys: `id:base64,id:base64`, or one key in base64 alone."""
    for each in filter(None, (part.strip() for part in value.split(","))):
        key_id, _colon, encoded = each.rpartition(":")
        if key_id in _DEMO_IDS:
            raise ImproperlyConfigured(f"{name} holds the key {key_id!r}, which is a demo's.")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ImproperlyConfigured(f"{name} is not base64.") from error
        if len(key) < MIN_BYTES or len(set(key)) < MIN_DISTINCT_BYTES:
            raise ImproperlyConfigured(
                f"{name} is too short or too regular: give {MIN_BYTES} random bytes in base64."
            )
    return value
