"""Which key signed what, which leaf an event was sealed as, and what left the database."""

from django.db import migrations, models

from dermaclinic.accounts.tenancy import append_only, grant


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_wall")]

    operations = [
        # What stands was signed with the only key that there was, which is called `1`.
        migrations.AddField(
            "event",
            "key_id",
            models.CharField(default="1", max_length=20),
            preserve_default=False,
        ),
        migrations.AddField(
            "seal",
            "key_id",
            models.CharField(default="1", max_length=20),
            preserve_default=False,
        ),
        migrations.AddField(
            "seal",
            "form",
            models.PositiveSmallIntegerField(default=1),
            preserve_default=False,
        ),
        migrations.AddField("sealedevent", "leaf", models.BinaryField(max_length=32, null=True)),
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("written_at", models.DateTimeField()),
                ("mac", models.BinaryField(max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "collector",
                    models.CharField(max_length=255, primary_key=True, serialize=False),
                ),
                ("seal_id", models.BigIntegerField(default=0)),
                ("sent", models.PositiveBigIntegerField(default=0)),
                ("tried_at", models.DateTimeField(null=True)),
                ("trouble", models.CharField(blank=True, max_length=200)),
            ],
            options={"verbose_name_plural": "deliveries"},
        ),
        grant("audit_anchor", sealer="SELECT, INSERT"),
        grant("audit_delivery", sealer="SELECT, INSERT, UPDATE"),
        append_only("audit_anchor", error="anchors are never changed or removed"),
    ]
