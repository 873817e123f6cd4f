"""The PDF as a document: what it says, on which pages, for whom, and what it never does."""

import io
import socket
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.pdf import _weasyprint
from reports import content, pdf
from reports.models import Report
from reports.services import pictures
from reports.services.composing import compose
from reports.services.signing import sign
from tests import factories
from tests.database import acting_as
from tests.inference import second
from tests.reports import scenes


def document(actor: Any, report: Report) -> PdfReader:
    """A signed report's PDF, drawn without network."""
    with clinic_context(actor.clinic_id):
        shown = pictures.of(report)
    return PdfReader(io.BytesIO(draw(report, shown)))


def draw(report: Report, shown: Any) -> bytes:
    return pdf.render(
        report.content or {},
        shown,
        content_sha256=report.content_sha256,
        signing_event=report.signing_event or 0,
    )


def words(reader: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in reader.pages)


@pytest.fixture
def full(doctor: Any) -> Report:
    """A signed report on one lesion with an opinion, everything recorded."""
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, first={"mel": 0.62, "nv": 0.2}, malignant=0.7, triage="urgent")
    made = scenes.assess(
        doctor, study, lesion, scenes.MELANOMA, scenes.DYSPLASTIC, management="excise",
        two_step="melanocytic", algorithm="pattern",
        description="Atypical network & <i>globules</i>.", comment="Suture at 12 o'clock.",
    )  # fmt: skip
    draft = compose(actor=doctor, assessment_ids=[made.pk])
    return sign(actor=doctor, report_id=draft.pk, password=factories.PASSWORD)


def test_it_says_what_the_doctor_decided_and_what_the_software_thought(
    doctor: Any, full: Report
) -> None:
    reader = document(doctor, full)
    text = words(reader)
    patient = full.content["patient"]
    for expected in (
        f"Testperson, {patient['given_name']}", patient["mrn"], "1 January 1970", "years old",
        "Lesion 1: Back", "Malignant melanoma of skin", "SNOMED CT 93655004",
        "Dysplastic nevus of skin", "Biopsy or excise", "melanocytic", "Pattern analysis",
        "Atypical network & <i>globules</i>.", "Suture at 12 o'clock.",
        "Investigational: not a medical device", "62 %", "Malignant or premalignant 70 %",
        "urgent; the threshold is 20 %",
        "screening: sensitivity 95 % (at least 92 %), specificity 61 %", "test-model 1",
        "Malignant melanoma of skin: where, not why", "age 56, sex female, site back",
        f"Signed electronically by {doctor.name}", str(full.signing_event),
    ):  # fmt: skip
        assert expected in text, expected
    for digest in (full.content_sha256, full.content["lesions"][0]["opinion"]["model"]["sha256"]):
        assert digest in text.replace(" ", "")
    for point in range(1, 11):
        assert f" {point} " in text
    shown = {image.data for page in reader.pages for image in page.images}
    assert len(shown) == 2, "the image and its heat map"


def test_it_says_at_which_prevalence_and_that_it_is_limited(
    doctor: Any, administrator: Any
) -> None:
    second.model()
    clinic_settings.change(actor=administrator, number=0, prevalence=0.02, targets={})
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(
        doctor,
        image,
        malignant=second.MALIGNANT,
        triage="urgent",
        result=second.result(limited=["hair"]),
        saliency=bytes(49),
    )
    made = scenes.assess(doctor, study, lesion)
    draft = compose(actor=doctor, assessment_ids=[made.pk])
    report = sign(actor=doctor, report_id=draft.pk, password=factories.PASSWORD)
    reader = document(doctor, report)
    text = words(reader)
    for expected in (
        "where 2.0 % of the assessed lesions are malignant, as the clinic declared on",
        "as trained, where 19 % are: 19 %",
        "the greater of the shares with and without what was known besides the image",
        "Predictive values of the triage there: positive about",
        "This opinion is limited: Hair",
        "There is no heat map for this opinion.",
    ):
        assert expected in text, expected
    shown = {image.data for page in reader.pages for image in page.images}
    assert len(shown) == 1, "an empty map is none"


def test_every_page_names_the_patient_and_its_number(doctor: Any, full: Report) -> None:
    reader = document(doctor, full)
    patient = full.content["patient"]
    assert len(reader.pages) >= 2
    for number, page in enumerate(reader.pages, start=1):
        text = " ".join(page.extract_text().split())
        assert f"Testperson, {patient['given_name']} · born 1 January 1970" in text
        assert f"MRN {patient['mrn']}" in text
        assert f"page {number} of {len(reader.pages)}" in text
        assert "Synthetic" not in text
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842], "A4"


def test_what_nobody_recorded_is_said_to_be_missing(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    text = words(document(doctor, report))
    assert text.count("not recorded") == 9
    assert "Second opinion by software: none (not asked for)" in text
    assert "Investigational" not in text


def test_a_synthetic_clinics_report_says_so_on_every_page(doctor: Any) -> None:
    with acting_as("owner"):
        Clinic.objects.filter(pk=doctor.clinic_id).update(synthetic=True)
    report, *_rest = scenes.signed(doctor)
    reader = document(doctor, report)
    assert all("Synthetic data: no real patient" in page.extract_text() for page in reader.pages)
    assert "must not be used in care" in words(reader)


def test_it_is_tagged_and_tells_its_language_title_and_outline(doctor: Any, full: Report) -> None:
    reader = document(doctor, full)
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert b"pdfuaid:part" in root["/Metadata"].get_data()
    assert reader.metadata.title == "Dermoscopy report 1.1"
    assert "Testperson" not in str(reader.metadata), "names stay out of the metadata"
    titles = str(reader.outline)
    assert "Lesion 1: Back" in titles


def test_the_same_report_gives_the_same_bytes(doctor: Any, full: Report) -> None:
    with clinic_context(doctor.clinic_id):
        shown = pictures.of(full)
    assert draw(full, shown) == draw(full, shown)


def test_nothing_is_fetched_from_outside(doctor: Any, full: Report, monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a report opened a connection")

    with clinic_context(doctor.clinic_id):
        shown = pictures.of(full)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for address in ("file:///etc/passwd", "http://192.0.2.7/x.png", "report:image/other"):
        page = f'<html lang="en"><title>x</title><img alt="x" src="{address}">'
        monkeypatch.setattr(pdf, "page", lambda *_, page=page, **__: page)
        with pytest.raises(pdf.CannotRender, match="fetches nothing from outside"):
            draw(full, shown)


def test_missing_libraries_are_a_sentence(full: Report, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(pdf.CannotRender, match="libpango"):
        draw(full, {})


def test_the_hash_is_of_the_canonical_content() -> None:
    one = {"b": [1, "é"], "a": {"y": None, "x": 1.5}}
    assert content.canonical(one) == '{"a":{"x":1.5,"y":null},"b":[1,"é"]}'.encode()
    assert content.sha256(one) == content.sha256(dict(reversed(one.items())))
    assert content.sha256(one) != content.sha256(one | {"b": [1, "e"]})


def test_a_heat_map_lies_where_the_network_looked() -> None:
    picture = Image.new("RGB", (400, 200), (10, 120, 10))
    heat = np.zeros((7, 7), np.uint8)
    heat[0, 6] = 255
    pixels = np.asarray(pictures.overlay(picture, heat), int)
    assert pixels.shape == (pictures.HEAT_SIDE, pictures.HEAT_SIDE, 3)
    assert abs(pixels[-5, 5] - (10, 120, 10)).max() <= 3, "no evidence, no colour"
    assert pixels[20, -20].min() > 60, "the strongest evidence, bright"


def test_half_an_image_stays_an_error_after_rendering() -> None:
    """WeasyPrint lets Pillow load cut images, for the whole process."""
    _weasyprint({})
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(whole, "JPEG")
    with (
        pytest.raises(OSError, match="truncated"),
        Image.open(io.BytesIO(whole.getvalue()[:500])) as cut,
    ):
        cut.load()
