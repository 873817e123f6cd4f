"""Worklist, assessments, histology, reports."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import event, strings, write, write_past_rollback

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def viewed_worklist(
    actor: "Actor",
    *,
    shown: Iterable[Any],
    studies: Iterable[Any],
    unveiled: Iterable[Any] = (),
) -> None:
    """The patients that it showed, as in a search, and their visits.

    `unveiled` are those visits of whose opinions it told more than urgent or routine.
    """
    detail = {"shown": strings(shown), "studies": strings(studies)}
    if told := strings(unveiled):
        detail["unveiled"] = told
    write(actor, "worklist.viewed", detail=detail)


def viewed_study(actor: "Actor", study: Any) -> None:
    write(actor, "study.viewed", obj=study)


def claimed_study(actor: "Actor", study: Any, *, released: bool = False) -> None:
    write(actor, "study.released" if released else "study.claimed", obj=study)


def recorded_assessment(
    actor: "Actor", assessment: Any, *, first: Any = None, changed_mind: bool = False
) -> None:
    """`first` is what its author had recorded before seeing the opinion, if anything."""
    detail = {
        "version": assessment.version,
        "agreement": assessment.agreement,
        "blinded": assessment.blinded,
    }
    if first is not None:
        detail |= {"first_impression": first.version, "changed_mind": changed_mind}
    write(actor, "assessment.recorded", obj=assessment, detail=detail)


def withdrew_assessment(actor: "Actor", assessment: Any) -> None:
    write(actor, "assessment.withdrawn", obj=assessment, detail={"version": assessment.version})


def viewed_assessment(actor: "Actor", assessment: Any) -> None:
    write(actor, "assessment.viewed", obj=assessment)


def recorded_histology(actor: "Actor", result: Any) -> None:
    write(actor, "histology.recorded", obj=result, detail={"version": result.version})


def viewed_histology(actor: "Actor", lesion: Any) -> None:
    write(actor, "histology.viewed", obj=lesion)


def compared_images(actor: "Actor", lesion: Any, *, shown: Iterable[Any]) -> None:
    """Which images of the lesion were laid beside each other."""
    write(actor, "lesion.compared", obj=lesion, detail={"instances": strings(shown)})


def viewed_similar_cases(
    actor: "Actor", prediction: Any, *, shown: Iterable[Any], instances: Iterable[Any]
) -> None:
    """Whose images were laid beside an opinion's, as in a search, and which."""
    write(
        actor,
        "similar.viewed",
        obj=prediction,
        patient=prediction.instance.patient_id,
        detail={"shown": strings(shown), "instances": strings(instances)},
    )


def refused_similar_case(actor: "Actor", *, why: str) -> None:
    """A pass to a similar case's image that does not open it; survives any rollback."""
    write_past_rollback(event(actor, "similar.refused", outcome="denied", detail={"why": why}))


def composed_report(actor: "Actor", report: Any) -> None:
    write(actor, "report.composed", obj=report, detail={"version": report.version})


def discarded_report(actor: "Actor", report: Any) -> None:
    write(actor, "report.discarded", obj=report, detail={"version": report.version})


def viewed_report(actor: "Actor", report: Any, *, form: str = "page") -> None:
    write(actor, "report.viewed", obj=report, detail={"form": form})


def signed_report(actor: "Actor", report: Any) -> Any:
    """Returns the stored event: a report prints its number."""
    made = event(
        actor,
        "report.signed",
        obj=report,
        detail={"content_sha256": report.content_sha256},
    )
    made.save(force_insert=True)
    return made


def sign_refused(actor: "Actor", signed: Any) -> None:
    """A wrong password at signing a report, or a visit with others; survives the rollback."""
    write_past_rollback(event(actor, "report.sign", obj=signed, outcome="denied"))


def asked_to_render_report(actor: "Actor", report: Any) -> None:
    """Somebody asked again for a PDF that could not be made."""
    write(actor, "report.rendering_asked", obj=report)


def rendered_report(actor: "Actor", report: Any, *, failed: bool = False) -> None:
    write(actor, "report.rendered", obj=report, outcome="failure" if failed else "success")


def flagged_report(actor: "Actor", report: Any, *, reason: str) -> None:
    write(actor, "report.flagged_for_amendment", obj=report, detail={"reason": reason})


def changed_phrase(actor: "Actor", phrase: Any, *, how: str, before: Any, after: Any) -> None:
    """`how`: added, changed, retired or restored."""
    write(actor, f"phrase.{how}", obj=phrase, detail={"before": before, "after": after})


def viewed_session(actor: "Actor", *, shown: Iterable[Any], studies: Iterable[Any]) -> None:
    """The visits that wait for their signature, and whose they are, as in a search."""
    write(actor, "session.viewed", detail={"shown": strings(shown), "studies": strings(studies)})
