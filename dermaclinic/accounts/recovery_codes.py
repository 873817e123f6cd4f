"""Recovery codes: ten words for the day on which the telephone is lost, each good for once.

A code has 50 random bits, so it is kept as a slow hash; the ten of a set share a salt, so that a
guess costs one hash and not ten (OWASP ASVS 5.0, 6.5.2).
"""

import hmac
import secrets
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password

from dermaclinic.accounts.models import User

COUNT = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
LENGTH = 10


def renew(user: User) -> list[str]:
    """Replace the person's codes; the new ones are returned this once. Call in a transaction."""
    codes = [_code() for _ in range(COUNT)]
    salt = secrets.token_hex(16)
    rows = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES)
    rows.select_for_update().delete()
    Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.RECOVERY_CODES,
        data={"salt": salt, "hashes": [_hash(code, salt) for code in codes]},
    )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def use(row: Authenticator, code: str) -> bool:
    """Whether a code is one of the set; it is then used up. `row` is locked by the caller."""
    data: dict[str, Any] = row.data
    typed = "".join(letter for letter in code.lower() if letter in LETTERS)
    if len(typed) != LENGTH:
        return False
    hashed = _hash(typed, data["salt"])
    left = [each for each in data["hashes"] if not hmac.compare_digest(each, hashed)]
    if len(left) == len(data["hashes"]):
        return False
    row.data = {**data, "hashes": left}
    row.save(update_fields=["data"])
    return True


def left(row: Authenticator) -> int:
    """How many codes of the set have not been used."""
    return len(row.data["hashes"])


def _code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def _hash(code: str, salt: str) -> str:
    return make_password(code, salt=salt)
