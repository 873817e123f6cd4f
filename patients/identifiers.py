"""National identifiers: who issues them, what they look like, and their check digits.

`uri` is FHIR's name of the system. Numbers are compared without spaces, dots, dashes and slashes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

_FILLERS = re.compile(r"[\s./-]+")


@dataclass(frozen=True)
class System:
    """A register of persons; `pattern` fits the normalised number, `check` its check digit."""

    key: str
    display: StrPromise
    uri: str
    pattern: str
    check: Callable[[str], bool] = lambda _number: True

    def fits(self, number: str) -> bool:
        """May this normalised number be one of the system's?"""
        return re.fullmatch(self.pattern, number) is not None and self.check(number)


def _weighted(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True))


def _nhs(number: str) -> bool:
    """Modulus 11 (NHS Data Dictionary, NHS NUMBER)."""
    return _weighted(number, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _bsn(number: str) -> bool:
    """The eleven test of the burgerservicenummer."""
    return int(number) > 0 and _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _ean13(number: str) -> bool:
    """The check digit of an EAN-13, which the Swiss number is."""
    return _weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


_SYSTEMS = [
    System("nhs", _("NHS number (England)"), "https://fhir.nhs.uk/Id/nhs-number", r"\d{10}", _nhs),
    System("kvnr", _("Health insurance number (Germany)"), "http://fhir.de/sid/gkv/kvid-10",
           r"[A-Z]\d{9}"),
    System("ahv", _("AHV number (Switzerland)"), "urn:oid:2.16.756.5.32", r"756\d{10}", _ean13),
    System("bsn", _("BSN (Netherlands)"), "http://fhir.nl/fhir/NamingSystem/bsn", r"\d{9}", _bsn),
    System("hetu", _("Personal identity code (Finland)"), "urn:oid:1.2.246.21",
           r"\d{6}[+A-FU-Y]?\d{3}[0-9A-Y]"),
    System("personnummer", _("Personal identity number (Sweden)"),
           "http://electronichealth.se/identifier/personnummer", r"(\d{2})?\d{6}\+?\d{4}"),
    System("ssn", _("Social security number (USA)"), "http://hl7.org/fhir/sid/us-ssn", r"\d{9}"),
    System("other", _("Another national identifier"), "", r"[0-9A-Z+]{4,40}"),
]  # fmt: skip

SYSTEMS: dict[str, System] = {system.key: system for system in _SYSTEMS}
CHOICES = [(system.key, system.display) for system in _SYSTEMS]


def normalised(number: str) -> str:
    """The number as it is compared: upper case, without what people put between its groups."""
    return _FILLERS.sub("", number).upper()
