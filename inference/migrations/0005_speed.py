"""What the audit's page filters by among millions of events, most of which are looks."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("inference", "0004_registry"), ("audit", "0010_flag_reviews")]

    operations: ClassVar = [
        # On the parent: each month's partition has its own, also one that is still to be made.
        migrations.RunSQL(
            "CREATE INDEX event_by_action ON audit_event (clinic_id, action, at DESC)",
            "DROP INDEX event_by_action",
        ),
        migrations.RunSQL(
            "CREATE INDEX event_by_outcome ON audit_event (clinic_id, outcome, at DESC)"
            " WHERE outcome <> 'success'",
            "DROP INDEX event_by_outcome",
        ),
    ]
