"""Text that leaves the process and comes back: nobody else can read or make it."""

import base64

from cryptography.fernet import Fernet
from django.utils.crypto import salted_hmac


def cipher(purpose: str) -> Fernet:
    """Encrypts and authenticates under a key of its own for each purpose, from SECRET_KEY."""
    key = salted_hmac("dermaclinic.rest.sealing", purpose, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
