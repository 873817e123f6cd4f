"""The clinic's short words for what its doctors say often."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.tenancy import TenantModel
from reports.models.assessments import Management

ABBREVIATION = RegexValidator(
    r"^[a-z0-9]{1,12}\Z", _("Take one to twelve small letters and digits.")
)


class Phrase(TenantModel):
    """An abbreviation that fills in an assessment: typing it and Enter records nothing yet.

    `diagnoses` are SNOMED CT codes, most likely first; `months` until the next image goes with
    monitoring alone; `sentence` becomes the report's comment. A retired phrase stays, so that its
    retirement can be undone; an abbreviation stands for one phrase in force.
    """

    abbreviation = models.CharField(_("abbreviation"), max_length=12, validators=[ABBREVIATION])
    diagnoses = ArrayField(models.CharField(max_length=18), size=3)
    management = models.CharField(_("what is to be done"), max_length=12, choices=Management)
    months = models.PositiveSmallIntegerField(_("months until the next image"), null=True)
    sentence = models.CharField(_("the report's sentence"), max_length=500, blank=True)
    retired = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["abbreviation"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "abbreviation"],
                condition=Q(retired=False),
                name="abbreviation_stands_for_one_phrase",
            ),
            models.CheckConstraint(
                condition=Q(abbreviation__regex=r"^[a-z0-9]{1,12}$"),
                name="abbreviation_is_short_and_plain",
            ),
            models.CheckConstraint(
                condition=Q(diagnoses__len__range=(1, 3)), name="phrase_has_diagnoses"
            ),
            models.CheckConstraint(
                condition=Q(management__in=Management.values), name="phrase_management_is_known"
            ),
            models.CheckConstraint(
                condition=Q(management="monitor", months__isnull=False, months__range=(1, 60))
                | (~Q(management="monitor") & Q(months__isnull=True)),
                name="phrase_monitors_for_months",
            ),
        ]

    def __str__(self) -> str:
        return self.abbreviation
