"""An identity provider in this process: discovery, token and keys, over real HTTP.

It signs in whomever the test says, at once; each way in which it can cheat is a field.
"""

import base64
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "dermaclinic-test", "a client's secret"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@dataclass
class IdentityProvider:
    """`claims` describe who signs in; the others are lies in the id token."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)  # claims of the id token, replaced
    forged: bool = False  # signed with a key that is not published
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def signs_in(self, address: str) -> str:
        """What the browser does there: the authorization request, answered with the way back."""
        request = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.asked.append(request)
        code = uuid.uuid4().hex
        self.codes[code] = request
        back = urlencode({"code": code, "state": request["state"]})
        return f"{request['redirect_uri']}?{back}"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        if path == "/.well-known/openid-configuration":
            answer: Any = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        elif path == "/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_KEY.public_key()))
            answer = {"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}
        else:
            length = int(environ["CONTENT_LENGTH"])
            body = parse_qs(environ["wsgi.input"].read(length).decode())
            answer = self._token({name: values[0] for name, values in body.items()})
        status = "400 Bad Request" if "error" in answer else "200 OK"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _token(self, body: dict[str, str]) -> dict[str, Any]:
        request = self.codes.pop(body.get("code", ""), None)
        if request is None or (body["client_id"], body["client_secret"]) != (CLIENT, SECRET):
            return {"error": "invalid_grant"}
        digest = hashlib.sha256(body["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != request["code_challenge"] or request["code_challenge_method"] != "S256":
            return {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "auth_time": now,
            "nonce": request["nonce"],
            **self.claims,
            **self.lies,
        }
        key: Any = _OTHER_KEY if self.forged else _KEY
        if self.algorithm == "HS256":
            key = SECRET.ljust(32)
        if self.algorithm == "none":
            key = None
        token = jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": "1"})
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@contextmanager
def running() -> Iterator[IdentityProvider]:
    """Listening on this machine while the context holds."""
    provider = IdentityProvider()
    server = make_server("127.0.0.1", 0, provider, handler_class=_Quiet)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
