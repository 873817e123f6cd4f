"""Entries of the audit to take along: CSV, and FHIR AuditEvents a line each or in a Bundle.

A download may last. It holds no transaction open, which would keep the sealer from every event
written since; each portion is read in a clinic's context of its own, since in a streaming response
the request's is gone, and rows would silently be none.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from dermaclinic import audit, csv_safe
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.fhir import audit_event
from dermaclinic.audit.models import Event
from dermaclinic.audit.selectors import as_text, matching
from dermaclinic.audit.vocabulary import ACTIONS

PORTION = 1000
COLUMNS = (
    "number", "id", "at", "actor", "actor_name", "role", "action", "action_words", "object_type",
    "object_id", "patient", "outcome", "purpose", "request_id", "address", "detail", "sealed",
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A format: each row's text, what stands between rows, and what stands around all of them."""

    media_type: str
    ending: str
    row: Callable[[Event], str]
    head: Callable[[datetime, int], str] = lambda _at, _rows: ""
    between: str = ""
    tail: str = ""


def _cells(event: Event) -> str:
    return csv_safe.row(
        [
            event.pk, event.uid, event.at.isoformat(), event.actor_id,
            event.actor.full_name if event.actor else event.role, event.role,
            event.action, ACTIONS.get(event.action, event.action),
            event.object_type, event.object_id, event.patient_id,
            event.outcome, event.purpose, event.request_id, event.address,
            json.dumps(event.detail, ensure_ascii=False, sort_keys=True) if event.detail else "",
            "yes" if hasattr(event, "sealed") else "no",
        ]
    )  # fmt: skip


def _resource(event: Event) -> str:
    return json.dumps(audit_event(event), ensure_ascii=False)


def _entry(event: Event) -> str:
    made = {"fullUrl": f"urn:uuid:{event.uid}", "resource": audit_event(event)}
    return json.dumps(made, ensure_ascii=False)


def _bundle(at: datetime, _rows: int) -> str:
    made = {"resourceType": "Bundle", "type": "collection", "timestamp": at.isoformat()}
    return f'{json.dumps(made)[:-1]}, "entry": [\n'


# An empty Bundle has no `entry` at all: FHIR knows no empty lists.
EMPTY_BUNDLE = '{"resourceType": "Bundle", "type": "collection"}\n'
FORMS = {
    "csv": Form(csv_safe.MEDIA_TYPE, "csv", _cells, lambda _at, _rows: csv_safe.row(COLUMNS)),
    "ndjson": Form("application/fhir+ndjson", "ndjson", _resource, between="\n", tail="\n"),
    "bundle": Form("application/fhir+json", "json", _entry, _bundle, ",\n", "\n]}\n"),
}


def export(*, actor: Actor, filters: dict[str, Any], form: str) -> Iterator[str]:
    """All entries that fit (`matching` says what `filters` has), oldest first, as text in portions.

    `form` is a key of FORMS. The event of it is committed when this returns, with the filters and
    the number of rows, before anything is read out. Raises Forbidden.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "export", Event)
        at = timezone.now()
        rows = matching(actor, filters).filter(at__lte=at).count()
        audit.exported_audit(actor, form=form, filters=as_text(filters), rows=rows)
    return _text(actor, filters, FORMS[form], at, rows)


def _text(
    actor: Actor, filters: dict[str, Any], form: Form, at: datetime, rows: int
) -> Iterator[str]:
    if not rows and form is FORMS["bundle"]:
        yield EMPTY_BUNDLE
        return
    yield form.head(at, rows)
    before = ""
    for portion in _portions(actor, filters, at):
        text = form.between.join(map(form.row, portion))
        yield before + text
        before = form.between
    yield form.tail if rows else ""


def _portions(actor: Actor, filters: dict[str, Any], at: datetime) -> Iterator[list[Event]]:
    """Never yields inside of the context: the caller may take its time, or never come back."""
    last: Event | None = None
    while True:
        with clinic_context(actor.clinic_id):
            portion = list(_after(matching(actor, filters).filter(at__lte=at), last)[:PORTION])
        if portion:
            yield portion
        if len(portion) < PORTION:
            return
        last = portion[-1]


def _after(found: QuerySet[Event], last: Event | None) -> QuerySet[Event]:
    if last is not None:
        # The first condition says nothing new, but an index can begin there.
        found = found.filter(at__gte=last.at).filter(Q(at__gt=last.at) | Q(pk__gt=last.pk))
    return found.select_related("actor", "sealed").order_by("at", "pk")
