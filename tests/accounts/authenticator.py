"""An authenticator in software, which can also misbehave (Web Authentication, level 2)."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

Flag = AuthenticatorData.FLAG


@dataclass
class Authenticator:
    """Holds one key. `counter` None: it does not count, like a passkey shared among devices."""

    origin: str = "http://localhost"
    rp_id: str = "localhost"
    verifies: bool = True
    counter: int | None = 0
    user_handle: str = ""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def creates(self, options: dict[str, Any]) -> str:
        """The answer to a page's options for a new passkey, as js/passkey.js would post it."""
        asked = options["publicKey"]
        self.user_handle = asked["user"]["id"]
        public = AttestedCredentialData.create(
            bytes(16), self.credential_id, ES256.from_cryptography_key(self.key.public_key())
        )
        data = AuthenticatorData.create(
            sha256(self.rp_id.encode()), self._flags() | Flag.AT, self._count(), public
        )
        return self._answer(
            "webauthn.create",
            asked["challenge"],
            attestationObject=AttestationObject.create("none", data, {}),
        )

    def answers(self, options: dict[str, Any]) -> str:
        """The answer to a challenge."""
        challenge = options["publicKey"]["challenge"]
        data = AuthenticatorData.create(sha256(self.rp_id.encode()), self._flags(), self._count())
        client_data = self._client_data("webauthn.get", challenge)
        signature = self.key.sign(data + sha256(client_data), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            "webauthn.get",
            challenge,
            authenticatorData=data,
            signature=signature,
            userHandle=self.user_handle,
        )

    def _flags(self) -> Any:
        return Flag.UP | Flag.UV if self.verifies else Flag.UP

    def _count(self) -> int:
        if self.counter is None:
            return 0
        self.counter += 1
        return self.counter

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return bytes(CollectedClientData.create(kind, challenge, self.origin))

    def _answer(self, kind: str, challenge: str, **response: Any) -> str:
        parts = {
            name: value if isinstance(value, str) else websafe_encode(value)
            for name, value in response.items()
        }
        identifier = websafe_encode(self.credential_id)
        return json.dumps(
            {
                "id": identifier,
                "rawId": identifier,
                "type": "public-key",
                "response": {
                    "clientDataJSON": websafe_encode(self._client_data(kind, challenge)),
                    **parts,
                },
                "clientExtensionResults": {},
            }
        )
