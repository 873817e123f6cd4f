"""An event as DICOM's audit message (PS3.15, A.5.1) in a syslog frame (RFC 5424 in RFC 5425).

Ids and codes only: people and patients go by their ids, never by their names.
"""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from dermaclinic.audit.fhir import OUTCOMES, PROCEDURE, QUERY, RECORD, meaning
from dermaclinic.audit.models import Event, Outcome

APPLICATION = "dermaclinic"
OWN = "99DERMACLINIC"  # the coding scheme of our own actions and roles
SECURITY, NOTICE = 10, 5  # facility and severity, RFC 5424 § 6.2.1
MESSAGE_ID = "DICOM+RFC3881"  # PS3.15, A.6


def frame(event: Event, *, hostname: str, process: str = "-") -> bytes:
    """The message as it goes over the wire: its length in octets, a space, the syslog message."""
    at = event.at.isoformat(timespec="milliseconds")
    header = f"<{SECURITY * 8 + NOTICE}>1 {at} {hostname} {APPLICATION} {process} {MESSAGE_ID} - "
    message = header.encode() + b"\xef\xbb\xbf" + xml(event)
    return str(len(message)).encode() + b" " + message


def xml(event: Event) -> bytes:
    """The audit message, UTF-8. Elements and attributes in the schema's order."""
    root = ET.Element("AuditMessage")
    what = meaning(event.action)
    identification = ET.SubElement(
        root,
        "EventIdentification",
        EventActionCode=what.action,
        EventDateTime=event.at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=OUTCOMES[Outcome(event.outcome)],
    )
    _coded(identification, "EventID", what.type["code"], "DCM", what.type["display"])
    _coded(identification, "EventTypeCode", event.action, OWN, event.action)
    if event.purpose:
        _coded(identification, "PurposeOfUse", event.purpose, "ActReason", event.purpose)
    for attributes, role in _participants(event):
        participant = ET.SubElement(root, "ActiveParticipant", attributes)
        _coded(participant, "RoleIDCode", *role)
    source = ET.SubElement(
        root,
        "AuditSourceIdentification",
        AuditEnterpriseSiteID=str(event.clinic_id or "-"),
        AuditSourceID=APPLICATION,
    )
    _coded(source, "AuditSourceTypeCode", "4", "DCM", "Application Server Process or Thread")
    for patient in _patients(event):
        named = _object(root, patient, kind="1", role="1")
        _coded(named, "ParticipantObjectIDTypeCode", "2", "RFC-3881", "Patient Number")
    if event.object_type and event.object_type != "patients.patient":
        is_report = event.object_type == "reports.report"
        named = _object(root, event.object_id or "-", kind="2", role="3" if is_report else "4")
        _coded(named, "ParticipantObjectIDTypeCode", event.object_type, OWN, event.object_type)
    # Which event it is: its number is what `verify_audit --prove` takes.
    named = _object(root, str(event.id), kind="2", role="13")
    _coded(named, "ParticipantObjectIDTypeCode", "12", "RFC-3881", "URI")
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _coded(parent: ET.Element, name: str, code: str, system: str, text: str) -> None:
    ET.SubElement(parent, name, {"csd-code": code, "codeSystemName": system, "originalText": text})


def _object(root: ET.Element, own: str, *, kind: str, role: str) -> ET.Element:
    return ET.SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=own,
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )


def _participants(event: Event) -> Iterator[tuple[dict[str, str], tuple[str, str, str]]]:
    person = {"UserID": str(event.actor_id or event.role), "UserIsRequestor": "true"}
    if event.address:
        person |= {"NetworkAccessPointID": event.address, "NetworkAccessPointTypeCode": "2"}
    yield person, (event.role, OWN, event.role)
    server = {"UserID": APPLICATION, "AlternativeUserID": event.request_id or "-"}
    asked = meaning(event.action).type in (QUERY, RECORD, PROCEDURE)
    role = ("110153", "Source Role ID") if asked else ("110150", "Application")
    yield server | {"UserIsRequestor": "false"}, (role[0], "DCM", role[1])


def _patients(event: Event) -> list[str]:
    """The event's patient and those that a list showed."""
    shown = event.detail.get("shown")
    ids = [str(each) for each in shown] if isinstance(shown, list) else []
    own = [str(event.patient_id)] if event.patient_id else []
    return list(dict.fromkeys(own + ids))
