"""Sealed events go to a collector, all of them and in order, whatever the collector does."""

import re
import ssl
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree as ET

import pytest
from django.conf import LazySettings

from dermaclinic import audit
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import dicom_message, keyring, outside, syslog
from dermaclinic.audit.models import Anchor, Delivery, Event
from tests import factories
from tests.audit.collectors import Authority, Listening, deaf
from tests.audit.trails import look, seal
from tests.database import acting_as

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = re.compile(
    rb"<85>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 \S+ dermaclinic \S+ DICOM\+RFC3881 - "
    rb"\xef\xbb\xbf<\?xml "
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def numbers(messages: list[bytes]) -> list[int]:
    """Which events they tell of: the last object of each."""
    found = []
    for message in messages:
        root = ET.fromstring(message.partition(b"\xef\xbb\xbf")[2])  # noqa: S314 - our own
        found.append(
            int(root.findall("ParticipantObjectIdentification")[-1].attrib["ParticipantObjectID"])
        )
    return found


def deliver(to: syslog.Collector) -> int:
    with acting_as("sealer"):
        return outside.deliver(to)


def test_every_sealed_event_arrives_once_and_in_order(
    administrator: Any, authority: Authority
) -> None:
    first = look(administrator, 3)
    seal()
    with Listening(authority) as collector:
        assert deliver(collector.at) == 3
        second = look(administrator, 2)
        assert deliver(collector.at) == 0  # not sealed yet
        seal()
        assert deliver(collector.at) == 2
        assert deliver(collector.at) == 0
    assert numbers(collector.messages) == first + second
    assert all(HEADER.match(message) for message in collector.messages)
    with acting_as("sealer"):
        assert Delivery.objects.get().sent == 5


def test_a_dead_collector_loses_nothing(administrator: Any, authority: Authority) -> None:
    waiting = look(administrator, 2)
    seal()
    with Listening(authority) as collector:
        at = collector.at
    with pytest.raises(ConnectionRefusedError):
        deliver(at)
    waiting += look(administrator)
    assert seal() == 1  # sealing goes on
    with acting_as("sealer"):
        row = Delivery.objects.get()
        assert (row.seal_id, row.sent, row.trouble) == (0, 0, "ConnectionRefusedError")
    with Listening(authority, port=at.port) as collector:
        assert deliver(collector.at) == 3
    assert numbers(collector.messages) == waiting
    with acting_as("sealer"):
        assert Delivery.objects.get().trouble == ""


def test_a_deaf_one_is_given_up_in_time(administrator: Any) -> None:
    with deaf() as at, pytest.raises(TimeoutError):
        syslog.send(at, [b"1 x"], seconds=0.2)


def test_a_stranger_with_the_collectors_address_gets_nothing(
    administrator: Any, authority: Authority, tmp_path: Path
) -> None:
    look(administrator)
    seal()
    other = tmp_path / "other"
    other.mkdir()
    stranger = Authority(other)
    with Listening(stranger) as collector:
        trusting = syslog.Collector("127.0.0.1", collector.at.port, authority.file)
        with pytest.raises(ssl.SSLCertVerificationError):
            deliver(trusting)
    assert collector.messages == []
    with acting_as("sealer"):
        assert Delivery.objects.get().seal_id == 0


def test_a_round_goes_on_after_trouble_and_anchors_once(
    administrator: Any,
    authority: Authority,
    settings: LazySettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    said: list[str] = []
    sender = outside.Outside(said.append)
    settings.AUDIT_ANCHOR = str(tmp_path / "anchor" / "audit.jsonl")
    expected = look(administrator, 2)
    seal()
    with Listening(authority) as collector:
        at = collector.at
    sending_to(settings, at)
    with acting_as("sealer"):
        assert not sender.once()
        clock.now += 1.9
        assert not sender.once(), "it waits"
        clock.now += 0.2
        assert not sender.once()
    clock.now += 4
    assert [each.split(".")[1] for each in said] == [
        " Trying again in 2 s", " Trying again in 4 s",
    ]  # fmt: skip
    with Listening(authority, port=at.port) as collector, acting_as("sealer"):
        assert sender.once()
        assert not sender.once()
        assert Anchor.objects.count() == 1
    assert numbers(collector.messages) == expected
    assert len(Path(settings.AUDIT_ANCHOR).read_bytes().splitlines()) == 1


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(outside.time, "monotonic", lambda: self.now)


def sending_to(settings: LazySettings, at: syslog.Collector) -> None:
    settings.AUDIT_SYSLOG, settings.AUDIT_SYSLOG_CA = at.name, str(at.ca)
    settings.AUDIT_SYSLOG_CERTIFICATE, settings.AUDIT_SYSLOG_KEY = str(at.certificate), str(at.key)


def test_an_anchor_that_cannot_be_written_holds_up_no_syslog(
    administrator: Any, authority: Authority, settings: LazySettings, tmp_path: Path
) -> None:
    """A full disk, a folder that is gone: here a file stands in the way."""
    (tmp_path / "blocked").write_text("")
    settings.AUDIT_ANCHOR = str(tmp_path / "blocked" / "audit.jsonl")
    expected = look(administrator, 2)
    seal()
    said: list[str] = []
    sender = outside.Outside(said.append)
    with Listening(authority) as collector, acting_as("sealer"):
        sending_to(settings, collector.at)
        assert sender.once()
        assert not sender.once()
        assert Anchor.objects.count() == 0
    assert numbers(collector.messages) == expected
    assert len(said) == 1 and "Trying again in 2 s" in said[0]


@pytest.mark.parametrize("trouble", [ValueError, keyring.KeyMissing])
def test_trouble_that_nobody_thought_of_ends_no_errand(
    trouble: type[Exception],
    administrator: Any,
    authority: Authority,
    settings: LazySettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock(monkeypatch)
    settings.AUDIT_ANCHOR = str(tmp_path / "anchor" / "audit.jsonl")
    expected = look(administrator, 2)
    seal()
    said: list[str] = []
    sender = outside.Outside(said.append)
    with Listening(authority) as collector, acting_as("sealer"):
        sending_to(settings, collector.at)
        with monkeypatch.context() as patch:
            patch.setattr(outside.anchors, "write", mock.Mock(side_effect=trouble("unforeseen")))
            patch.setattr(outside.syslog, "send", mock.Mock(side_effect=trouble("unforeseen")))
            assert not sender.once()
        assert Anchor.objects.count() == 0
        clock.now += 3
        assert sender.once()
        assert Anchor.objects.count() == 1
    assert numbers(collector.messages) == expected
    assert [trouble.__name__ in each for each in said] == [True, True]
    assert sum(each.name == outside.__name__ for each in caplog.records) == 2, "with tracebacks"


def test_the_message_is_dicoms_and_names_nobody(technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    with clinic_context(technician.clinic_id):
        audit.searched_patients(technician, shown=[patient.pk], fields=["text"])
        registered = Event.objects.get(action="patient.registered")
        searched = Event.objects.get(action="patient.searched")
        texts = [dicom_message.xml(each) for each in (registered, searched)]
    for text in texts:
        assert patient.family_name.encode() not in text
        assert patient.given_name.encode() not in text
    root, query = (ET.fromstring(text) for text in texts)  # noqa: S314 - our own
    assert [each.tag for each in root] == [
        "EventIdentification", "ActiveParticipant", "ActiveParticipant",
        "AuditSourceIdentification", *["ParticipantObjectIdentification"] * 2,
    ]  # fmt: skip
    event = root[0]
    assert event.attrib["EventActionCode"] == "C"
    assert event.attrib["EventOutcomeIndicator"] == "0"
    assert event[0].attrib == {
        "csd-code": "110110", "codeSystemName": "DCM", "originalText": "Patient Record",
    }  # fmt: skip
    person = root[1].attrib
    assert person["UserID"] == str(registered.actor_id)
    assert (person["UserIsRequestor"], person["NetworkAccessPointID"]) == ("true", "192.0.2.1")
    assert root[4].attrib["ParticipantObjectID"] == str(patient.pk)
    assert query[0][0].attrib["csd-code"] == "110112"
    assert query[4].attrib["ParticipantObjectID"] == str(patient.pk)
