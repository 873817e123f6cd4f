"""An event as a FHIR R4 AuditEvent (hl7.org/fhir/R4/auditevent.html).

Types are DICOM's audit codes (PS3.16, context group 400: 110100 and following), subtypes the REST
interactions and our own action. Agents and entities follow IHE's Basic Audit Log Patterns
(profiles.ihe.net/ITI/BALP 1.1.3: Read, Query, PatientRead, PatientQuery, PrivacyDisclosure): the
client and this server with their roles, the person as the requestor, the patient as entity of role
1, the request's id as one of type XrequestId. In two ways an event here is none of BALP's, so no
profile is claimed: a search that showed several patients stays one AuditEvent with all of them
(one event, one seal), where BALP writes one for each; and what was typed into it is never kept.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dermaclinic.audit.models import Event, Outcome
from dermaclinic.audit.vocabulary import ACTIONS

DCM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
BALP_ENTITY = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
ACTION = "urn:dermaclinic:audit:action"
ROLE = "urn:dermaclinic:role"

Coding = dict[str, str]


def _code(system: str, code: str, display: str) -> Coding:
    return {"system": system, "code": code, "display": display}


ACTIVITY = _code(DCM, "110100", "Application Activity")
LOG_USED = _code(DCM, "110101", "Audit Log Used")
INSTANCES = _code(DCM, "110103", "DICOM Instances Accessed")
EXPORT = _code(DCM, "110106", "Export")
IMPORT = _code(DCM, "110107", "Import")
RECORD = _code(DCM, "110110", "Patient Record")
PROCEDURE = _code(DCM, "110111", "Procedure Record")
QUERY = _code(DCM, "110112", "Query")
ALERT = _code(DCM, "110113", "Security Alert")
AUTHENTICATION = _code(DCM, "110114", "User Authentication")

READ, SEARCH = _code(REST, "read", "read"), _code(REST, "search", "search")
CREATE, UPDATE = _code(REST, "create", "create"), _code(REST, "update", "update")
LOGIN, LOGOUT = _code(DCM, "110122", "Login"), _code(DCM, "110123", "Logout")
DISCLOSE = _code(LIFECYCLE, "disclose", "Disclose Record Lifecycle Event")
ROLES_CHANGED = _code(DCM, "110136", "Security Roles Changed")


@dataclass(frozen=True)
class Meaning:
    """What kind of event an action is: FHIR's `type`, one `subtype`, and C, R, U, D or E."""

    type: Coding
    subtype: Coding | None
    action: str


# Actions that mean something else than what their room and verb say.
EXACTLY = {
    "account.signed_in": Meaning(AUTHENTICATION, LOGIN, "E"),
    "account.signed_out": Meaning(AUTHENTICATION, LOGOUT, "E"),
    "account.sign_in_failed": Meaning(AUTHENTICATION, LOGIN, "E"),
    "patient.searched": Meaning(QUERY, SEARCH, "E"),
    "worklist.viewed": Meaning(QUERY, SEARCH, "E"),
    "similar.viewed": Meaning(QUERY, SEARCH, "E"),
    "lesion.compared": Meaning(INSTANCES, READ, "R"),
    "image.admitted": Meaning(IMPORT, CREATE, "C"),
    "image.rejected": Meaning(IMPORT, CREATE, "C"),
    "image.quarantined": Meaning(IMPORT, CREATE, "C"),
    "report.sign": Meaning(AUTHENTICATION, None, "E"),
    "audit.viewed": Meaning(LOG_USED, SEARCH, "R"),
    "audit.exported": Meaning(EXPORT, SEARCH, "R"),
    "audit.disclosed": Meaning(EXPORT, DISCLOSE, "R"),
}
ROOMS = {
    "access": ALERT,
    "account": AUTHENTICATION,
    "member": ALERT,
    "key": ALERT,
    "audit": LOG_USED,
    "patient": RECORD,
    "consent": RECORD,
    "lesion": RECORD,
    "image": INSTANCES,
    "quarantine": INSTANCES,
}
OF_PATIENTS = ("study", "prediction", "assessment", "histology", "report")
VERBS = {
    "viewed": (READ, "R"),
    "preloaded": (READ, "R"),
    "registered": (CREATE, "C"),
    "added": (CREATE, "C"),
    "recorded": (CREATE, "C"),
    "composed": (CREATE, "C"),
    "started": (CREATE, "C"),
    "changed": (UPDATE, "U"),
    "moved": (UPDATE, "U"),
    "placed": (UPDATE, "U"),
    "assigned": (UPDATE, "U"),
    "discarded": (_code(REST, "delete", "delete"), "D"),
}
# ISO/DICOM: 0 success, 4 minor failure, 8 serious failure.
OUTCOMES = {Outcome.SUCCESS: "0", Outcome.FAILURE: "4", Outcome.DENIED: "4", Outcome.ALARM: "8"}
PURPOSES = {
    "TREAT": "treatment",
    "HOPERAT": "healthcare operations",
    "PATRQT": "patient requested",
}


def meaning(action: str) -> Meaning:
    """What an action is in DICOM's and FHIR's words."""
    if found := EXACTLY.get(action):
        return found
    room, _dot, verb = action.partition(".")
    subtype, done = VERBS.get(verb, (None, "E"))
    kind = PROCEDURE if room in OF_PATIENTS else ROOMS.get(room, ACTIVITY)
    return Meaning(kind, subtype, done)


def audit_event(event: Event) -> dict[str, Any]:
    """The resource, ready for JSON. `event.actor` should be loaded."""
    what = meaning(event.action)
    own = _code(ACTION, event.action, str(ACTIONS.get(event.action, event.action)))
    made: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(event.uid),
        "type": what.type,
        "subtype": [each for each in (what.subtype, own) if each],
        "action": what.action,
        "recorded": event.at.isoformat(timespec="milliseconds"),
        "outcome": OUTCOMES[Outcome(event.outcome)],
        "outcomeDesc": str(Outcome(event.outcome).label),
        "agent": list(_agents(event, what)),
        "source": {
            "site": str(event.clinic_id),
            "observer": {"display": "dermaclinic"},
            "type": [_code(SOURCE_TYPE, "4", "Application Server")],
        },
        "entity": list(_entities(event, what)),
    }
    if event.purpose:
        reason = {"system": REASON, "code": event.purpose}
        if display := PURPOSES.get(event.purpose):
            reason["display"] = display
        made["purposeOfEvent"] = [{"coding": [reason]}]
    return made


def _agents(event: Event, what: Meaning) -> Iterator[dict[str, Any]]:
    role = {"text": event.role, "coding": [{"system": ROLE, "code": event.role}]}
    person: dict[str, Any] = {"role": [role], "requestor": True}
    if event.actor_id:
        person["type"] = {"coding": [_code(
            "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
            "IRCP", "information recipient",
        )]}  # fmt: skip
        person["who"] = {
            "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{event.actor_id}"},
            "display": event.actor.full_name if event.actor else event.role,
        }
    else:
        person["who"] = {"display": event.role}
    yield person
    # In a query the client is the source of what is sent; when it reads, the server is.
    client, server = (
        ("110153", "110152") if what.type["code"] == QUERY["code"] else ("110152", "110153")
    )
    names = {"110152": "Destination Role ID", "110153": "Source Role ID"}
    if event.address:
        yield {
            "type": {"coding": [_code(DCM, client, names[client])]},
            "requestor": False,
            "network": {"address": str(event.address), "type": "2"},
        }
    yield {
        "type": {"coding": [_code(DCM, server, names[server])]},
        "who": {"display": "dermaclinic"},
        "requestor": False,
    }


def _entities(event: Event, what: Meaning) -> Iterator[dict[str, Any]]:
    shown = event.detail.get("shown")
    several = shown if isinstance(shown, list) else []
    patients = dict.fromkeys([*([str(event.patient_id)] if event.patient_id else []), *several])
    for patient in patients:
        yield {
            "what": {"reference": f"Patient/{patient}", "type": "Patient"},
            "type": _code(ENTITY_TYPE, "1", "Person"),
            "role": _code(OBJECT_ROLE, "1", "Patient"),
        }
    if what.type is QUERY:
        yield {
            "type": _code(ENTITY_TYPE, "2", "System Object"),
            "role": _code(OBJECT_ROLE, "24", "Query"),
            "description": "What was searched for is not kept.",
        }
    if event.object_type and event.object_type != "patients.patient":
        yield _object(event)
    if event.request_id:
        yield {
            "what": {"identifier": {"value": event.request_id}},
            "type": _code(BALP_ENTITY, "XrequestId", "X-Request-Id"),
        }


def _object(event: Event) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": _code(ENTITY_TYPE, "2", "System Object"),
        "role": _code(OBJECT_ROLE, "4", "Domain Resource"),
        "description": event.object_type,
    }
    if _is_uuid(event.object_id):
        value = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{event.object_id}"}
        made["what"] = {"identifier": value}
    elif event.object_id:
        made["what"] = {"identifier": {"value": event.object_id}}
    return made


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
