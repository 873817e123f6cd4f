"""Sends frames to a syslog collector over TLS (RFC 5425)."""

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PORT = 6514
SECONDS = 5.0  # a collector that takes longer counts as dead


@dataclass(frozen=True)
class Collector:
    """Where to, and whom to trust: `ca` signed its certificate (the system's CAs if None).

    `certificate` and `key` show who we are, where the collector asks.
    """

    host: str
    port: int = PORT
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def name(self) -> str:
        """As the database remembers it."""
        return f"{self.host}:{self.port}"


def collector() -> Collector | None:
    """The one that AUDIT_SYSLOG names (`host` or `host:port`); None when it is empty."""
    from django.conf import settings

    if not settings.AUDIT_SYSLOG:
        return None
    host, _colon, port = settings.AUDIT_SYSLOG.partition(":")
    files = (settings.AUDIT_SYSLOG_CA, settings.AUDIT_SYSLOG_CERTIFICATE, settings.AUDIT_SYSLOG_KEY)
    return Collector(host, int(port or PORT), *(Path(each) if each else None for each in files))


def send(to: Collector, frames: Iterable[bytes], *, seconds: float = SECONDS) -> None:
    """Send all frames over one connection and see it closed by both sides.

    Syslog has no receipt; that the collector answers our closing tells at least that it read up to
    there. OSError (TLS errors are such) when anything fails: then send all of them again.
    """
    context = ssl.create_default_context(cafile=str(to.ca) if to.ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if to.certificate:
        context.load_cert_chain(to.certificate, to.key)
    with (
        socket.create_connection((to.host, to.port), timeout=seconds) as plain,
        context.wrap_socket(plain, server_hostname=to.host) as tls,
    ):
        for frame in frames:
            tls.sendall(frame)
        # Some close without a word, but after they have read ours.
        with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):
            tls.unwrap()
