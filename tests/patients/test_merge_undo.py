"""A merge is taken back: exactly what came goes, or nothing does, and one is told why."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from imaging.models import Instance, Study
from imaging.services import assign_lesion, move_instance
from patients import contact, services as records
from patients.merging import identity, selectors, services
from patients.models import Consent, Lesion, MergeUndo, Patient
from reports.models import Report
from reports.services.claims import claim_study
from reports.services.composing import compose
from reports.services.signing import sign
from tests import factories
from tests.database import acting_as
from tests.patients.merging import everything, merge, undo
from tests.reports import scenes

pytestmark = pytest.mark.django_db


def two_records(doctor: Any) -> Any:
    """A visit of each of two records: (study, lesion, image) twice, the survivor's first."""
    made = []
    for _ in range(2):
        study, [lesion], [image] = scenes.visit(doctor)
        made.append((study, lesion, image))
    return made


def refused(actor: Any, made: Any) -> Any:
    """An undoing that is refused, and has left nothing behind; what was said."""
    before = everything(actor)
    with pytest.raises(Conflict) as said:
        undo(actor, made)
    assert everything(actor) == before
    assert scenes.count(actor, MergeUndo, merge=made) == 0
    assert scenes.events(actor, "patient.merge_undone") == 0
    return said.value


def test_what_came_goes_back_as_it_was(doctor: Any) -> None:
    _report, study, _lesion, _image = scenes.signed(doctor)
    survivor = scenes.visit(doctor)[0].patient
    before = everything(doctor)
    made = merge(doctor, survivor, study.patient)
    assert everything(doctor) != before
    done = undo(doctor, made)
    assert everything(doctor) == before
    assert done.moved == made.moved
    with clinic_context(doctor.clinic_id):
        told = Event.objects.filter(action="patient.merge_undone")
        assert {each.patient_id for each in told} == {survivor.pk, study.patient_id}


# What two records may hold, and what is taken from the second one.
RECORD = st.fixed_dictionaries(
    {
        "visits": st.lists(st.lists(st.integers(0, 2), max_size=2), max_size=2),
        "lesions": st.integers(1, 3),
        "consents": st.dictionaries(
            st.sampled_from(["ai_opinion", "teaching", "research"]), st.booleans()
        ),
        "assessed": st.booleans(),
        "named": st.sampled_from(["Ada", "Bo", "Ćirić"]),
        "phone": st.sampled_from(["", "112 001", "112 002"]),
        "identifier": st.booleans(),
    }
)
NUMBERS = itertools.count(100_000)


def build(doctor: Any, drawn: dict[str, Any]) -> Any:
    """A record as drawn: each visit is a list of which lesions it has an image of."""
    reach = {"phone": drawn["phone"]}
    if drawn["identifier"]:
        reach |= {"identifier_system": "other", "identifier": str(next(NUMBERS))}
    patient = factories.patient(doctor, consent=False, given_name=drawn["named"], **reach)
    decisions = drawn["consents"] | {"care": True}
    records.record_consents(actor=doctor, patient_id=patient.pk, decisions=decisions)
    lesions = [factories.lesion(doctor, patient) for _ in range(drawn["lesions"])]
    for shown in drawn["visits"]:
        study = factories.study(doctor, patient)
        for number in shown:
            lesion = lesions[number % len(lesions)]
            scenes.image(doctor, study, lesion)
            if drawn["assessed"]:
                scenes.assess(doctor, study, lesion)
    return patient


def says_nothing(row: dict[str, Any]) -> bool:
    """A row of contact data in which nothing stands is read as none."""
    return row.get("identifier_system") == "" and all(
        row[name] == r"\x" for name in ("phone", "email", "address", "identifier")
    )


def comparable(actor: Any, contacts: set[str]) -> dict[str, Any]:
    """Everything byte by byte. But a changed record's version runs on, and what is sealed anew
    is other bytes: of the contact data of these patients the text is compared.
    """
    found: dict[str, Any] = everything(actor)
    for table, left_out in (
        ("patients_patient", ["version"]),
        ("patients_patientcontact", ["phone", "email", "address", "identifier"]),
    ):
        rows = [json.loads(row) for row in found[table]]
        rows = [row for row in rows if not says_nothing(row)]
        for row in rows:
            if row.get("patient_id", row["id"]) in contacts:
                for name in left_out:
                    del row[name]
        found[table] = sorted(json.dumps(row, sort_keys=True) for row in rows)
    with clinic_context(actor.clinic_id):
        people = Patient.objects.filter(pk__in=contacts)
        found["opened"] = {each.pk: contact.of(each) for each in people}
    return found


@given(
    first=RECORD,
    second=RECORD,
    taken=st.sets(st.sampled_from(identity.CHOICES)),
    same_image=st.booleans(),
)
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_merging_and_undoing_any_two_records_changes_no_byte(
    doctor: Any, first: Any, second: Any, taken: set[str], same_image: bool
) -> None:
    with transaction.atomic():
        there_and_back(doctor, first, second, taken, same_image=same_image)
        transaction.set_rollback(True)


def there_and_back(
    doctor: Any, first: Any, second: Any, taken: set[str], *, same_image: bool
) -> None:
    survivor, other = build(doctor, first), build(doctor, second)
    if same_image:
        twin(doctor, survivor, other)
    with clinic_context(doctor.clinic_id):
        both = {"survivor": identity.of(survivor), "closed": identity.of(other)}
    changed = bool(taken & set(identity.differing(both["survivor"], both["closed"])))
    touched = {str(survivor.pk), str(other.pk)} if changed else set()
    before = comparable(doctor, touched)
    made = merge(doctor, survivor, other, taken=taken)
    with clinic_context(doctor.clinic_id):
        for model in (Lesion, Study, Instance, Consent):
            assert not model.objects.filter(patient=other).exists()
        numbers = list(Lesion.objects.filter(patient=survivor).values_list("number", flat=True))
        assert len(numbers) == first["lesions"] + second["lesions"]
    undo(doctor, made)
    assert comparable(doctor, touched) == before


def twin(doctor: Any, survivor: Any, other: Any) -> None:
    """The same bytes in both records; how they come there, test_merge.py plays."""
    first, second = (
        scenes.image(doctor, factories.study(doctor, patient)) for patient in (survivor, other)
    )
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        Instance.objects.filter(pk=second.pk).update(sha256=first.sha256)


def test_what_was_added_to_it_since_goes_along(doctor: Any) -> None:
    (study, _lesion, _image), (other_study, other_lesion, _other_image) = two_records(doctor)
    made = merge(doctor, study.patient, other_study.patient)
    with clinic_context(doctor.clinic_id):
        survivor = Patient.objects.get(pk=study.patient_id)
    later = factories.study(doctor, survivor)
    image = scenes.image(doctor, later, other_lesion)
    assessment = scenes.assess(doctor, later, other_lesion)
    new_lesion = factories.lesion(doctor, survivor)
    new_image = scenes.image(doctor, later, new_lesion)
    own = factories.study(doctor, survivor)
    preview = selectors.undo_preview(actor=doctor, merge_id=made.pk)
    assert preview.possible
    assert set(preview.added) == {"1 lesion", "1 visit", "2 images", "1 assessment"}
    undo(doctor, made)
    with clinic_context(doctor.clinic_id):
        for each in (later, image, assessment, new_lesion, new_image):
            each.refresh_from_db()
            assert each.patient_id == other_study.patient_id
        assert new_lesion.number == 2, "the next one of the record that is open again"
        assert Study.objects.get(pk=own.pk).patient_id == study.patient_id


def of_both(doctor: Any, new: bool) -> Any:
    """Rows of both records that hang together: (merge, how to part them again)."""
    (study, lesion, _image), (other_study, other_lesion, other_image) = two_records(doctor)
    made = merge(doctor, study.patient, other_study.patient)
    if not new:  # an image of the one record is filed under a lesion of the other
        assign_lesion(actor=doctor, instance_id=other_image.pk, lesion_id=lesion.pk)
        return made, lambda: assign_lesion(
            actor=doctor, instance_id=other_image.pk, lesion_id=other_lesion.pk
        )
    with clinic_context(doctor.clinic_id):
        survivor = Patient.objects.get(pk=study.patient_id)
    later = factories.study(doctor, survivor)
    scenes.image(doctor, later, lesion)
    theirs = scenes.image(doctor, later, other_lesion)
    return made, lambda: move_instance(
        actor=doctor, instance_id=theirs.pk, study_id=other_study.pk,
        lesion_id=other_lesion.pk, reason="parting two people",
    )  # fmt: skip


@pytest.mark.parametrize("new", [False, True])
def test_what_hangs_together_since_is_told_and_parted_by_hand(doctor: Any, new: bool) -> None:
    made, part = of_both(doctor, new)
    preview = selectors.undo_preview(actor=doctor, merge_id=made.pk)
    assert not preview.possible
    lines = " / ".join(preview.knot.lines)
    assert "lesion 1: Back" in lines
    assert ("Added since: the visit of" in lines) == new
    assert "image" in lines
    assert "filed under a visit or a lesion of the other" in str(refused(doctor, made).detail)
    part()
    assert selectors.undo_preview(actor=doctor, merge_id=made.pk).possible
    undo(doctor, made)


def test_a_report_signed_since_on_lesions_of_both_stands_against_it(doctor: Any) -> None:
    (study, lesion, _image), (other_study, other_lesion, _other) = two_records(doctor)
    made = merge(doctor, study.patient, other_study.patient)
    with clinic_context(doctor.clinic_id):
        survivor = Patient.objects.get(pk=study.patient_id)
    later = factories.study(doctor, survivor)
    assessed = []
    for each in (lesion, other_lesion):
        scenes.image(doctor, later, each)
        assessed.append(scenes.assess(doctor, later, each).pk)
    report = compose(actor=doctor, assessment_ids=assessed)
    assert "is not signed" in str(refused(doctor, made).detail)
    sign(actor=doctor, report_id=report.pk, password=factories.PASSWORD)
    said = refused(doctor, made)
    assert "a report was signed on a visit that holds lesions of both" in str(said.detail)
    assert scenes.count(doctor, Report, patient_id=survivor.pk, status="signed") == 1


def test_merges_into_one_record_are_undone_in_any_order(doctor: Any) -> None:
    people = [scenes.visit(doctor)[0].patient for _ in range(3)]
    before = everything(doctor)
    first = merge(doctor, people[0], people[1])
    second = merge(doctor, people[0], people[2])
    undo(doctor, first)
    undo(doctor, second)
    assert everything(doctor) == before


def test_rows_of_a_later_merge_do_not_go_with_an_earlier_one(doctor: Any) -> None:
    (study, _lesion, _image), (second, second_lesion, _second) = two_records(doctor)
    third, [third_lesion], [third_image] = scenes.visit(doctor)
    made = merge(doctor, study.patient, second.patient)
    merge(doctor, study.patient, third.patient)
    assign_lesion(actor=doctor, instance_id=third_image.pk, lesion_id=second_lesion.pk)
    refused(doctor, made)
    assign_lesion(actor=doctor, instance_id=third_image.pk, lesion_id=third_lesion.pk)
    undo(doctor, made)
    with clinic_context(doctor.clinic_id):
        assert Study.objects.get(pk=third.pk).patient_id == study.patient_id


def test_a_record_that_was_merged_on_is_parted_last(doctor: Any) -> None:
    people = [scenes.visit(doctor)[0].patient for _ in range(3)]
    before = everything(doctor)
    first = merge(doctor, people[1], people[0])
    second = merge(doctor, people[2], people[1])
    assert "itself merged" in str(refused(doctor, first).detail)
    assert not selectors.undo_preview(actor=doctor, merge_id=first.pk).possible
    undo(doctor, second)
    undo(doctor, first)
    assert everything(doctor) == before
    assert "undone already" in str(conflict_of(lambda: undo(doctor, first)))


def conflict_of(attempt: Callable[[], Any]) -> Any:
    with pytest.raises(Conflict) as said:
        attempt()
    return said.value.detail


def test_what_was_edited_since_stays(doctor: Any) -> None:
    survivor = factories.patient(doctor, given_name="Wrong", phone="112 001")
    other = factories.patient(doctor, given_name="Right", phone="112 002")
    made = merge(doctor, survivor, other, taken=["given_name", "phone", "mrn"])
    records.change_patient(
        actor=doctor, patient_id=survivor.pk, version=2, given_name="Newer", mrn=other.mrn
    )
    preview = selectors.undo_preview(actor=doctor, merge_id=made.pk)
    assert preview.edited == ["Given name"]
    undo(doctor, made)
    with clinic_context(doctor.clinic_id):
        now, open_again = Patient.objects.get(pk=survivor.pk), Patient.objects.get(pk=other.pk)
        assert (now.given_name, now.mrn, now.version) == ("Newer", survivor.mrn, 4)
        assert (contact.of(now).phone, contact.of(open_again).phone) == ("112 001", "112 002")
        assert open_again.mrn == other.mrn


def test_a_number_given_to_somebody_else_since_stands_against_it(doctor: Any) -> None:
    survivor, other = (factories.patient(doctor) for _ in range(2))
    made = merge(doctor, survivor, other, taken=["mrn"])
    records.change_patient(actor=doctor, patient_id=survivor.pk, version=2, mrn="NEW")
    factories.patient(doctor, mrn=other.mrn)
    assert "has been given the record number" in str(refused(doctor, made).detail)


def test_a_colleague_at_work_is_waited_for(doctor: Any, clinic: Any) -> None:
    (study, *_rest), (other, *_others) = two_records(doctor)
    made = merge(doctor, study.patient, other.patient)
    claim_study(actor=factories.actor(clinic, "doctor"), study_id=other.pk)
    assert "is reading the visit" in str(refused(doctor, made).detail)


def test_only_a_doctor_of_the_clinic_undoes(doctor: Any, technician: Any, stranger: Any) -> None:
    made = merge(doctor, factories.patient(doctor), factories.patient(doctor))
    before = everything(doctor)
    for actor, error in ((technician, Forbidden), (stranger, NotFound)):
        with pytest.raises(error):
            undo(actor, made)
        with pytest.raises(error):
            selectors.undo_preview(actor=actor, merge_id=made.pk)
    with pytest.raises(Invalid):
        services.undo_merge(actor=doctor, merge_id=made.pk, reason="")
    assert everything(doctor) == before


def test_answers_since_stay_and_are_told_of(doctor: Any) -> None:
    survivor, other = (factories.patient(doctor) for _ in range(2))
    made = merge(doctor, survivor, other)
    records.record_consents(actor=doctor, patient_id=survivor.pk, decisions={"teaching": False})
    assert selectors.undo_preview(actor=doctor, merge_id=made.pk).answers_since == 1
    undo(doctor, made)
    with clinic_context(doctor.clinic_id):
        assert records.consents(survivor)["teaching"] is False
        assert records.consents(other)["teaching"] is True


def test_a_preview_of_an_undoing_has_one_count_of_queries(doctor: Any) -> None:
    counts = []
    for visits in (1, 3):
        survivor, other = (factories.patient(doctor) for _ in range(2))
        for _ in range(visits):
            scenes.image(doctor, factories.study(doctor, other), factories.lesion(doctor, other))
        made = merge(doctor, survivor, other)
        with CaptureQueriesContext(connection) as queries:
            selectors.undo_preview(actor=doctor, merge_id=made.pk)
        counts.append(len(queries))
    assert counts[0] == counts[1]
