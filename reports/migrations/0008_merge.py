"""Every table with a patient takes part in merges of two records.

It stands on the highest floor, after the tables of all others. An image whose bytes were in both
records is a `twin`: it stays in its visit, and is not counted when the same bytes come again.
"""

from django.db import migrations, models
from django.db.models import Q

from patients.merging import sql


class InImaging(migrations.operations.base.Operation):
    """An operation of the app `imaging`, which must happen together with what stands here."""

    def __init__(self, operation):
        self.operation = operation

    def deconstruct(self):
        return self.__class__.__name__, [self.operation], {}

    def state_forwards(self, app_label, state):
        self.operation.state_forwards("imaging", state)

    def database_forwards(self, app_label, *rest):
        self.operation.database_forwards("imaging", *rest)

    def database_backwards(self, app_label, *rest):
        self.operation.database_backwards("imaging", *rest)

    def describe(self):
        return self.operation.describe()


class Migration(migrations.Migration):
    dependencies = [
        ("imaging", "0005_speed"),
        ("inference", "0005_speed"),
        ("patients", "0007_merge"),
        ("reports", "0007_second_reading"),
    ]

    operations = [
        InImaging(
            migrations.AddField(
                model_name="instance",
                name="twin",
                field=models.BooleanField(default=False, db_default=False, editable=False),
            )
        ),
        InImaging(
            migrations.RemoveConstraint(model_name="instance", name="same_bytes_once_per_patient")
        ),
        InImaging(
            migrations.AddConstraint(
                model_name="instance",
                constraint=models.UniqueConstraint(
                    condition=Q(("twin", False)),
                    fields=("patient", "sha256"),
                    name="same_bytes_once_per_patient",
                ),
            )
        ),
        sql.merges(),
        sql.movable_when("reports_report", "OLD.status = 'signed'"),
        sql.movable_when("reports_secondreading", "OLD.closed_at IS NOT NULL"),
        sql.movable_when("reports_consensusproposal", "true"),
        sql.movable_when("imaging_quarantine", "OLD.resolution <> 'open'"),
    ]
