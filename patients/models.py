"""People under care: who they are, what they agreed to, and their lesions."""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.tenancy import TenantModel
from patients.body_map import REGIONS, VIEWS
from patients.body_map.places import Place
from patients.body_sites import BODY_SITES, CHOICES, PAIRED_SITES
from patients.identifiers import CHOICES as SYSTEM_CHOICES, SYSTEMS
from patients.merging.models import Merge as Merge, MergeUndo as MergeUndo


class Sex(models.TextChoices):
    """Administrative gender, as in FHIR."""

    FEMALE = "female", _("female")
    MALE = "male", _("male")
    OTHER = "other", _("other")
    UNKNOWN = "unknown", _("unknown")


class Patient(TenantModel):
    """A person in one clinic's care. `search_text` is kept by PostgreSQL, for search by name.

    A record that was `merged_into` another one is closed: it has no rows of its own any more.
    """

    mrn = models.CharField(_("medical record number"), max_length=40)
    family_name = models.CharField(_("family name"), max_length=100)
    given_name = models.CharField(_("given name"), max_length=100)
    birth_date = models.DateField(_("birth date"))
    sex = models.CharField(_("sex"), max_length=10, choices=Sex)
    search_text = models.GeneratedField(
        expression=models.functions.Lower(
            models.functions.Concat(
                F("family_name"),
                models.Value(" "),
                F("given_name"),
                models.Value(" "),
                F("mrn"),
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
    )
    version = models.PositiveIntegerField(default=1)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, editable=False, related_name="absorbed"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="record_is_not_merged_into_itself",
            ),
            models.UniqueConstraint(fields=["clinic", "mrn"], name="mrn_is_unique_in_a_clinic"),
            models.CheckConstraint(condition=~Q(mrn=""), name="patient_has_an_mrn"),
            models.CheckConstraint(condition=~Q(family_name=""), name="patient_has_a_family_name"),
            models.CheckConstraint(condition=Q(sex__in=Sex.values), name="patient_sex_is_known"),
        ]
        indexes: ClassVar = [
            GinIndex(
                fields=["search_text"],
                opclasses=["gin_trgm_ops"],
                name="patient_by_name",
            ),
            models.Index(fields=["clinic", "birth_date"], name="patient_by_birth_date"),
            models.Index(
                fields=["clinic", "family_name", "given_name"],
                name="patient_alphabetical",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.family_name}, {self.given_name}"


class PatientContact(TenantModel):
    """How to reach a patient, and the national identifier. Sealed columns (patients/sealed.py).

    `identifier_index` is the identifier's blind index: it finds an identifier that is known, and
    keeps two patients of a clinic from having the same.
    """

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="contact")
    phone = models.BinaryField(_("phone"), default=b"")
    email = models.BinaryField(_("e-mail"), default=b"")
    address = models.BinaryField(_("postal address"), default=b"")
    identifier_system = models.CharField(
        _("kind of national identifier"), max_length=20, choices=SYSTEM_CHOICES, blank=True
    )
    identifier = models.BinaryField(_("national identifier"), default=b"")
    identifier_index = models.BinaryField(max_length=32, null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "identifier_index"],
                name="national_identifier_is_unique_in_a_clinic",
            ),
            models.CheckConstraint(
                condition=Q(identifier_system="", identifier_index__isnull=True)
                | Q(identifier_system__in=list(SYSTEMS), identifier_index__isnull=False),
                name="identifier_has_a_system_and_an_index",
            ),
        ]

    def __str__(self) -> str:
        return str(self.patient_id)


class PatientChange(TenantModel):
    """What a patient's data were before an edit. Written once.

    `sealed` holds before and after of the contact data; only its wrapping may change.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="changes")
    version = models.PositiveIntegerField()
    changed_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    before = models.JSONField()
    after = models.JSONField()
    sealed = models.BinaryField(default=b"")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["patient", "version"], name="one_change_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} v{self.version}"


class Purpose(models.TextChoices):
    CARE = "care", _("Care: photographs in the record")
    AI_OPINION = "ai_opinion", _("A second opinion by software")
    COMPARISON = "comparison", _("Comparison: images shown, unnamed, beside similar cases here")
    TEACHING = "teaching", _("Teaching")
    RESEARCH = "research", _("Research")


class Consent(TenantModel):
    """A patient's yes or no to one purpose. Written once; the newest of a purpose counts."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose)
    granted = models.BooleanField(_("granted"))
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(purpose__in=Purpose.values), name="consent_purpose_is_known"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["patient", "purpose", "-recorded_at"], name="newest_consent")
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.granted}"


class Laterality(models.TextChoices):
    """DICOM (0020,0060) and its mapping to SNOMED CT 7771000 |Left| and 24028007 |Right|."""

    LEFT = "left", _("left")
    RIGHT = "right", _("right")
    MIDLINE = "midline", _("midline")


class Lesion(TenantModel):
    """A lesion followed over time, numbered within its patient.

    `place_view`, `place_x`, `place_y` and `region` say where it is on the body map (patients/
    body_map): a point in a view, as fractions of its width and height, and the region there. They
    are empty for a lesion that nobody has put on the map; body site and side follow from them.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="lesions")
    number = models.PositiveIntegerField()
    body_site = models.CharField(_("body site"), max_length=30, choices=CHOICES)
    laterality = models.CharField(_("side"), max_length=10, choices=Laterality, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    place_view = models.CharField(max_length=20, blank=True, default="", db_default="")
    place_x = models.FloatField(null=True, blank=True)
    place_y = models.FloatField(null=True, blank=True)
    region = models.CharField(max_length=40, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["patient", "number"], name="lesion_number_is_unique"),
            models.CheckConstraint(
                condition=Q(body_site__in=list(BODY_SITES)),
                name="lesion_body_site_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(body_site__in=PAIRED_SITES) | Q(laterality__in=["left", "right"]),
                name="paired_site_needs_a_side",
            ),
            models.CheckConstraint(
                condition=Q(place_view="", region="", place_x__isnull=True, place_y__isnull=True)
                | Q(place_x__isnull=False, place_y__isnull=False)
                & ~Q(place_view="")
                & ~Q(region=""),
                name="lesion_place_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(place_x__isnull=True)
                | Q(place_x__range=(0, 1)) & Q(place_y__range=(0, 1)),
                name="lesion_place_lies_in_its_view",
            ),
            models.CheckConstraint(
                condition=Q(place_view__in=["", *VIEWS]), name="lesion_view_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.site}"

    @property
    def needs_side(self) -> bool:
        """Does the body site exist on both sides?"""
        return BODY_SITES[self.body_site].paired

    @property
    def place(self) -> Place | None:
        """Its place on the body map, if it has one."""
        if self.place_x is None or self.place_y is None:
            return None
        return Place(self.place_view, self.place_x, self.place_y, self.region)

    @property
    def site_code(self) -> str:
        """SNOMED CT, as fine as it is known: the region's on the map, else the body site's."""
        region = REGIONS.get(self.region)
        return region.code if region else BODY_SITES[self.body_site].code

    @property
    def site(self) -> str:
        """Where it is, with its side, in words: the region on the map, else the body site."""
        if self.region in REGIONS:
            return REGIONS[self.region].display
        where = str(BODY_SITES[self.body_site].display)
        return f"{where}, {self.get_laterality_display()}" if self.laterality else where
