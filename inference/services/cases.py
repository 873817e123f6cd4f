"""What the worker needs to know of each claimed image, read clinic by clinic."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from inference.network.intended import Intended, Verdict, check
from inference.services.queue import Claimed, Lease
from patients.body_sites import BODY_SITES
from patients.models import Consent, Purpose, Sex

BINARY_SEXES = (Sex.FEMALE, Sex.MALE)


@dataclass(frozen=True)
class Job:
    """A claimed image: where its bytes are and what is known of the person, each part if it is.

    `age` in whole years on the day of the visit, `sex` "female" or "male", `site` a name of the
    network's metadata vocabulary, `modality` how the image was taken. `size` is the image's (width,
    height), `pixel_spacing_mm` what its DICOM file says of the scale, (row, column). `allowed` is
    False when consent was withdrawn meanwhile.
    """

    row: Claimed
    patient_id: uuid.UUID
    image_name: str
    age: int | None
    sex: str | None
    site: str | None
    modality: str
    size: tuple[int, int]
    pixel_spacing_mm: tuple[float, float] | None
    allowed: bool

    def verdict(self, intended: Intended) -> Verdict:
        """Whether a package with these rules may speak of the image, and with what limits."""
        return check(intended, age=self.age, site=self.site, modality=self.modality)


def jobs(lease: Lease) -> list[Job]:
    """The claimed rows with their images, in the order of the clinics."""
    rows = sorted(lease.rows, key=lambda row: str(row.clinic_id))
    return [
        job
        for clinic_id, group in groupby(rows, key=lambda row: row.clinic_id)
        for job in _of_clinic(clinic_id, list(group))
    ]


def _of_clinic(clinic_id: uuid.UUID, rows: list[Claimed]) -> Iterator[Job]:
    with clinic_context(clinic_id):
        # Plain tuples: making model instances of these would take as long as unsealing the images.
        known = {
            values[0]: values[1:]
            for values in Instance.objects.filter(
                pk__in=[row.instance_id for row in rows]
            ).values_list(
                "pk",
                "patient_id",
                "image_name",
                "patient__birth_date",
                "patient__sex",
                "study__acquired_at",
                "lesion__body_site",
                "modality",
                "width",
                "height",
                "source",
            )
        }
        newest = (
            Consent.objects.filter(
                patient_id__in={patient_id for patient_id, *_ in known.values()},
                purpose=Purpose.AI_OPINION,
            )
            .order_by("patient_id", "-recorded_at")
            .distinct("patient_id")
        )
        consents = dict(newest.values_list("patient_id", "granted"))
    for row in rows:
        (
            patient_id, image_name, born, sex, acquired_at, body_site, modality,
            width, height, source,
        ) = known[row.instance_id]  # fmt: skip
        yield Job(
            row=row,
            patient_id=patient_id,
            image_name=image_name,
            age=age_on(acquired_at.date(), born),
            sex=sex if sex in BINARY_SEXES else None,
            site=BODY_SITES[body_site].metadata if body_site else None,
            modality=modality,
            size=(width, height),
            pixel_spacing_mm=_spacing(source),
            allowed=consents.get(patient_id, False),
        )


def _spacing(source: Mapping[str, Any]) -> tuple[float, float] | None:
    told = source.get("pixel_spacing_mm")
    return (float(told[0]), float(told[1])) if told else None


def age_on(day: date, born: date) -> int | None:
    """Whole years of life on a day; None when it lies before the birth."""
    if day < born:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
