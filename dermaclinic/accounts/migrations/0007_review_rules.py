import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_idempotency_wall")]

    operations = [
        migrations.AddField(
            model_name="clinicsettings",
            name="blinded_first",
            field=models.BooleanField(default=True, verbose_name="blinded first"),
        ),
        migrations.AddField(
            model_name="clinicsettings",
            name="second_read_codes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=18),
                blank=True,
                default=list,
                size=None,
                verbose_name="read twice",
            ),
        ),
        migrations.AddField(
            model_name="clinicsettings",
            name="second_read_share",
            field=models.FloatField(
                default=0.05, verbose_name="share of agreed benign cases read twice"
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("second_read_share__range", (0, 1))),
                name="second_read_share_is_a_share",
            ),
        ),
    ]
