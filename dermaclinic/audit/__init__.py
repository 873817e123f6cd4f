"""The audit's vocabulary: one function per action, called inside the service's own transaction.

Reads count: opening a record, an image or a report, and a search with the ids it showed.
Details hold ids and codes, never names.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def _write(actor: "Actor", action: str, **fields: Any) -> None:
    from dermaclinic.audit import record

    record.write([record.event(actor, action, **fields)])


def _strings(ids: Iterable[Any]) -> list[str]:
    return [str(each) for each in ids]


# Signing in and out


def signed_in(actor: "Actor", *, how: str) -> None:
    """A person signed in (`how`: password or token)."""
    _write(actor, "account.signed_in", obj=actor.user, detail={"how": how})


def signed_out(actor: "Actor") -> None:
    _write(actor, "account.signed_out", obj=actor.user)


def sign_in_failed(
    *, address: str, account: uuid.UUID | None, clinics: Sequence[uuid.UUID] = ()
) -> None:
    """Nobody was signed in. Each of the account's clinics is told; of an unknown one, none is.

    The typed e-mail is not kept: people type passwords there.
    """
    from dermaclinic.audit import record

    told: Sequence[uuid.UUID | None] = clinics or [None]
    for clinic_id in told:
        record.write_past_rollback(
            record.event(
                None,
                "account.sign_in_failed",
                outcome="failure",
                detail={"account": str(account) if account else None},
                address=address,
                clinic_id=clinic_id,
            )
        )


def issued_token(actor: "Actor", token: Any) -> None:
    _write(actor, "account.token_issued", obj=token)


def changed_clinic_settings(
    actor: "Actor", settings: Any, *, before: tuple[float | None, dict[str, Any]]
) -> None:
    """What a clinic sets of its own: `before` is the prevalence and the targets until now."""
    _write(
        actor,
        "clinic.settings_changed",
        obj=settings,
        detail={
            "prevalence": [before[0], settings.prevalence],
            "targets": [before[1], settings.targets],
        },
    )


# Refusals


def denied(actor: "Actor", *, verb: str, obj: Any) -> None:
    """Somebody asked for what their role or clinic does not allow; survives any rollback."""
    from dermaclinic.audit import record

    record.write_past_rollback(
        record.event(actor, "access.denied", obj=obj, outcome="denied", detail={"verb": verb})
    )


def not_found(actor: "Actor", *, verb: str, model: Any, lookup: dict[str, Any]) -> None:
    """Somebody asked for an id that is not in their clinic: a typo, or somebody trying."""
    from dermaclinic.audit import record

    detail = {
        "verb": verb,
        "lookup": {name: str(value) for name, value in lookup.items()},
    }
    record.write_past_rollback(
        record.event(actor, "access.not_found", obj=model, outcome="denied", detail=detail)
    )


# Patients


def searched_patients(actor: "Actor", *, shown: Sequence[Any], fields: Sequence[str]) -> None:
    """A search: which fields were filled in and whom it showed; never what was typed."""
    _write(
        actor,
        "patient.searched",
        detail={"shown": _strings(shown), "fields": list(fields)},
    )


def viewed_patient(actor: "Actor", patient: Any) -> None:
    _write(actor, "patient.viewed", obj=patient)


def registered_patient(actor: "Actor", patient: Any) -> None:
    _write(actor, "patient.registered", obj=patient)


def changed_patient(actor: "Actor", patient: Any, *, fields: Sequence[str]) -> None:
    _write(actor, "patient.changed", obj=patient, detail={"fields": list(fields)})


def recorded_consent(actor: "Actor", consent: Any) -> None:
    _write(
        actor,
        "consent.recorded",
        obj=consent,
        detail={"purpose": consent.purpose, "granted": consent.granted},
    )


def added_lesion(actor: "Actor", lesion: Any) -> None:
    _write(actor, "lesion.added", obj=lesion)


def changed_lesion(actor: "Actor", lesion: Any, *, fields: Sequence[str]) -> None:
    _write(actor, "lesion.changed", obj=lesion, detail={"fields": list(fields)})


# Imaging


def started_study(actor: "Actor", study: Any) -> None:
    _write(actor, "study.started", obj=study)


def admitted_image(actor: "Actor", instance: Any) -> None:
    _write(
        actor, "image.admitted", obj=instance,
        detail={"sha256": instance.sha256, "format": instance.format},
    )  # fmt: skip


def repeated_image(actor: "Actor", instance: Any) -> None:
    _write(actor, "image.repeated", obj=instance)


def rejected_image(actor: "Actor", rejection: Any) -> None:
    _write(
        actor,
        "image.rejected",
        obj=rejection,
        outcome="failure",
        detail={"code": rejection.code},
    )


def quarantined_image(actor: "Actor", held: Any, *, alarm: bool) -> None:
    _write(
        actor, "image.quarantined", obj=held, outcome="alarm" if alarm else "success",
        detail={"reason": held.kind},
    )  # fmt: skip


def resolved_quarantine(actor: "Actor", held: Any) -> None:
    _write(
        actor,
        "quarantine.resolved",
        obj=held,
        detail={"resolution": held.resolution, "identifiers": held.identifiers},
    )


def viewed_quarantine(actor: "Actor", held: Any) -> None:
    _write(actor, "quarantine.viewed", obj=held)


def assigned_image(actor: "Actor", instance: Any, *, lesion: Any) -> None:
    _write(actor, "image.assigned", obj=instance, detail={"lesion": str(lesion)})


def corrected_image_kind(actor: "Actor", instance: Any, *, former: str) -> None:
    """Somebody said anew how an image was taken."""
    _write(
        actor, "image.kind_corrected", obj=instance,
        detail={"from": former, "to": instance.modality},
    )  # fmt: skip


def moved_image(actor: "Actor", instance: Any, *, from_patient: Any, reason: str) -> None:
    """A misfiled image went to another record; written for both patients."""
    for patient in {from_patient, instance.patient_id}:
        _write(
            actor, "image.moved", obj=instance, patient=patient,
            detail={"from": str(from_patient), "to": str(instance.patient_id), "reason": reason},
        )  # fmt: skip


def viewed_image(actor: "Actor", instance: Any, *, rendition: str) -> None:
    _write(actor, "image.viewed", obj=instance, detail={"rendition": rendition})


# Inference


def requested_prediction(actor: "Actor", prediction: Any) -> None:
    _write(
        actor, "prediction.requested", obj=prediction, patient=prediction.instance.patient_id,
        detail={"instance": str(prediction.instance_id), "rerun": prediction.rerun},
    )  # fmt: skip


def viewed_prediction(actor: "Actor", prediction: Any) -> None:
    _write(
        actor,
        "prediction.viewed",
        obj=prediction,
        patient=prediction.instance.patient_id,
    )


def recorded_predictions(actor: "Actor", rows: Sequence[tuple[Any, uuid.UUID]]) -> None:
    """A batch of opinions, one event each: (prediction, its patient's id)."""
    from dermaclinic.audit import record

    record.write(
        record.event(
            actor, f"prediction.{prediction.status}", obj=prediction, patient=patient,
            outcome="failure" if prediction.status == "failed" else "success",
        )
        for prediction, patient in rows
    )  # fmt: skip


def activated_model(actor: "Actor", model: Any) -> None:
    _write(actor, "model.activated", obj=model, detail={"sha256": model.sha256})


def deactivated_model(actor: "Actor", model: Any) -> None:
    _write(actor, "model.deactivated", obj=model, detail={"sha256": model.sha256})


def rolled_back_model(actor: "Actor", model: Any, *, left: Any) -> None:
    """An earlier model answers again in place of `left`."""
    _write(
        actor, "model.rolled_back", obj=model,
        detail={"sha256": model.sha256, "from": str(left.pk)},
    )  # fmt: skip


def shadowed_model(actor: "Actor", model: Any) -> None:
    _write(actor, "model.shadowed", obj=model, detail={"sha256": model.sha256})


def unshadowed_model(actor: "Actor", model: Any) -> None:
    _write(actor, "model.unshadowed", obj=model, detail={"sha256": model.sha256})


def requested_shadow(actor: "Actor", prediction: Any) -> None:
    """A model in the shadow reads an image as well: for comparing models, shown to nobody."""
    _write(
        actor, "prediction.shadow_requested", obj=prediction,
        patient=prediction.instance.patient_id,
        detail={"instance": str(prediction.instance_id), "rerun": prediction.rerun},
    )  # fmt: skip


def compared_models(actor: "Actor", model: Any, *, images: int) -> None:
    """Somebody looked at how a model in the shadow does; whole numbers, of no single patient."""
    _write(actor, "model.compared", obj=model, detail={"images": images})


# Review and reports


def viewed_worklist(actor: "Actor", *, shown: Iterable[Any], studies: Iterable[Any]) -> None:
    """The patients that it showed, as in a search, and their visits."""
    _write(
        actor,
        "worklist.viewed",
        detail={"shown": _strings(shown), "studies": _strings(studies)},
    )


def viewed_study(actor: "Actor", study: Any) -> None:
    _write(actor, "study.viewed", obj=study)


def claimed_study(actor: "Actor", study: Any, *, released: bool = False) -> None:
    _write(actor, "study.released" if released else "study.claimed", obj=study)


def recorded_assessment(actor: "Actor", assessment: Any) -> None:
    _write(
        actor, "assessment.recorded", obj=assessment,
        detail={"version": assessment.version, "agreement": assessment.agreement},
    )  # fmt: skip


def viewed_assessment(actor: "Actor", assessment: Any) -> None:
    _write(actor, "assessment.viewed", obj=assessment)


def recorded_histology(actor: "Actor", result: Any) -> None:
    _write(actor, "histology.recorded", obj=result, detail={"version": result.version})


def viewed_histology(actor: "Actor", lesion: Any) -> None:
    _write(actor, "histology.viewed", obj=lesion)


def viewed_similar_cases(
    actor: "Actor", prediction: Any, *, shown: Iterable[Any], instances: Iterable[Any]
) -> None:
    """Whose images were laid beside an opinion's, as in a search, and which."""
    _write(
        actor,
        "similar.viewed",
        obj=prediction,
        patient=prediction.instance.patient_id,
        detail={"shown": _strings(shown), "instances": _strings(instances)},
    )


def refused_similar_case(actor: "Actor", *, why: str) -> None:
    """A pass to a similar case's image that does not open it; survives any rollback."""
    from dermaclinic.audit import record

    record.write_past_rollback(
        record.event(actor, "similar.refused", outcome="denied", detail={"why": why})
    )


def composed_report(actor: "Actor", report: Any) -> None:
    _write(actor, "report.composed", obj=report, detail={"version": report.version})


def discarded_report(actor: "Actor", report: Any) -> None:
    _write(actor, "report.discarded", obj=report, detail={"version": report.version})


def viewed_report(actor: "Actor", report: Any, *, form: str = "page") -> None:
    _write(actor, "report.viewed", obj=report, detail={"form": form})


def signed_report(actor: "Actor", report: Any) -> Any:
    """Returns the stored event: a report prints its number."""
    from dermaclinic.audit import record

    made = record.event(
        actor,
        "report.signed",
        obj=report,
        detail={"content_sha256": report.content_sha256},
    )
    made.save(force_insert=True)
    return made


def sign_refused(actor: "Actor", report: Any) -> None:
    """A wrong password at signing; survives the rollback."""
    from dermaclinic.audit import record

    record.write_past_rollback(record.event(actor, "report.sign", obj=report, outcome="denied"))


def asked_to_render_report(actor: "Actor", report: Any) -> None:
    """Somebody asked again for a PDF that could not be made."""
    _write(actor, "report.rendering_asked", obj=report)


def rendered_report(actor: "Actor", report: Any, *, failed: bool = False) -> None:
    _write(actor, "report.rendered", obj=report, outcome="failure" if failed else "success")


def flagged_report(actor: "Actor", report: Any, *, reason: str) -> None:
    _write(actor, "report.flagged_for_amendment", obj=report, detail={"reason": reason})


# The audit itself


def viewed_audit(actor: "Actor", *, filters: dict[str, str], shown: int) -> None:
    _write(actor, "audit.viewed", detail={"filters": filters, "shown": shown})
