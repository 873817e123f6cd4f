"""How an image was taken; a wrong answer can be put right."""

from django.db import migrations, models

from dermaclinic.accounts.tenancy import SAFE_PATH

CHOICES = [
    ("dermoscopy", "Dermoscopy"),
    ("clinical", "Clinical photograph"),
    ("other", "Other kind of image"),
]
FILED = "'study_id', 'patient_id', 'lesion_id', 'image_name', 'thumbnail_name', 'original_name'"


def web_may_change(columns: str) -> str:
    """The body of the trigger's function of 0002, with other columns."""
    return f"""
        CREATE OR REPLACE FUNCTION imaging_instance_web_changes() RETURNS trigger
        LANGUAGE plpgsql {SAFE_PATH} AS $$
        BEGIN
            IF to_jsonb(OLD) - ARRAY[{columns}]::text[] <> to_jsonb(NEW) - ARRAY[{columns}]::text[]
            THEN
                RAISE EXCEPTION 'only its place and its kind may change, never an image itself'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$;
    """


class Migration(migrations.Migration):
    dependencies = [("imaging", "0002_wall")]

    operations = [
        migrations.AddField(
            model_name="instance",
            name="modality",
            field=models.CharField(
                choices=CHOICES, default="dermoscopy", max_length=20, verbose_name="kind of image"
            ),
        ),
        migrations.AddField(
            model_name="quarantine",
            name="modality",
            field=models.CharField(blank=True, choices=CHOICES, default="", max_length=20),
        ),
        migrations.AddConstraint(
            model_name="instance",
            constraint=models.CheckConstraint(
                condition=models.Q(modality__in=["dermoscopy", "clinical", "other"]),
                name="instance_modality_is_known",
            ),
        ),
        migrations.RunSQL(web_may_change(f"{FILED}, 'modality'"), web_may_change(FILED)),
    ]
