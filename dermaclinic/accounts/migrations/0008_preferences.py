from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.lookups import Exact

from dermaclinic.accounts.tenancy import SAFE_PATH, grant

# One key, one action: an empty one stands for "none", as often as one likes.
DISTINCT = f"""
CREATE FUNCTION accounts_keys_are_distinct(keys jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT {SAFE_PATH} AS $$
    SELECT count(*) = count(DISTINCT value) FROM jsonb_each_text(keys) WHERE value <> '' $$;
ALTER TABLE accounts_userpreference ADD CONSTRAINT one_action_for_a_key
    CHECK (CASE WHEN jsonb_typeof(keys) = 'object' THEN accounts_keys_are_distinct(keys) END);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0007_review_rules")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="UserPreference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preference",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("single_letters", models.BooleanField(default=True, verbose_name="single keys")),
                ("keys", models.JSONField(blank=True, default=dict, verbose_name="keys")),
                (
                    "theme",
                    models.CharField(
                        choices=[("auto", "As the device"), ("light", "Light"), ("dark", "Dark")],
                        default="auto",
                        max_length=5,
                        verbose_name="theme",
                    ),
                ),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("theme__in", ["auto", "light", "dark"])),
                        name="theme_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            Exact(
                                models.Func(
                                    "keys",
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                "object",
                            )
                        ),
                        name="keys_are_by_action",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            DISTINCT,
            "ALTER TABLE accounts_userpreference DROP CONSTRAINT one_action_for_a_key;"
            "DROP FUNCTION accounts_keys_are_distinct(jsonb);",
        ),
        grant("accounts_userpreference", web="SELECT, INSERT, UPDATE"),
    ]
