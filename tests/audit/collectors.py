"""A syslog collector on this machine, with a certificate of a CA made for the occasion."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dermaclinic.audit.syslog import Collector


class Authority:
    """A certificate authority of one test, and what it has signed, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throw-away CA")])
        made = self._certificate(self._name, self._key, ca=True)
        self.file = self._write("ca.pem", made.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for 127.0.0.1 and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(subject, key, ca=False)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return (
            self._write(f"{name}.pem", made.public_bytes(serialization.Encoding.PEM)),
            self._write(f"{name}.key", secret),
        )

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(address, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


class Listening:
    """Takes messages until it is closed; `messages` are without their RFC 5425 length."""

    def __init__(self, authority: Authority, *, port: int = 0) -> None:
        self.messages: list[bytes] = []
        certificate, key = authority.issue("collector")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._context.load_verify_locations(authority.file)
        self._context.verify_mode = ssl.CERT_REQUIRED  # it asks who we are, too
        self._socket = socket.create_server(("127.0.0.1", port))
        client = authority.issue("sealer")
        self.at = Collector("127.0.0.1", self._socket.getsockname()[1], authority.file, *client)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Listening":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                plain, _peer = self._socket.accept()
            except OSError:
                return  # closed
            try:
                with self._context.wrap_socket(plain, server_side=True) as tls:
                    self._take(tls)
                    tls.unwrap()
            except OSError:
                continue

    def _take(self, tls: ssl.SSLSocket) -> None:
        data = b""
        while got := tls.recv(65536):
            data += got
        while data:
            length, _space, rest = data.partition(b" ")
            size = int(length)
            assert len(rest) >= size
            self.messages.append(rest[:size])
            data = rest[size:]


@contextmanager
def deaf() -> Iterator[Collector]:
    """One that lets callers in and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield Collector("127.0.0.1", made.getsockname()[1])
