"""Invitations, tokens that expire and may do less, and what a clinic sets for its sign-in.

A membership is seen before there is a context, at sign-in; it is made and changed in one only.
"""

import datetime
import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import dermaclinic.accounts.models
from dermaclinic.accounts.tenancy import grant, immutable_when, protect

ALL_SCOPES = ["read", "write:patients", "write:images", "write:reviews", "sign", "write:models"]
_CONTEXT = "NULLIF(current_setting('app.clinic', true), '')::uuid"

memberships_in_context = migrations.RunSQL(
    f"""
    GRANT INSERT, UPDATE (role, is_active) ON accounts_membership TO dermaclinic_web;
    ALTER TABLE accounts_membership ENABLE ROW LEVEL SECURITY;
    CREATE POLICY sign_in ON accounts_membership FOR SELECT TO dermaclinic_web USING (true);
    CREATE POLICY joins ON accounts_membership FOR INSERT TO dermaclinic_web
        WITH CHECK (clinic_id = {_CONTEXT});
    CREATE POLICY changes ON accounts_membership FOR UPDATE TO dermaclinic_web
        USING (clinic_id = {_CONTEXT}) WITH CHECK (clinic_id = {_CONTEXT});
    """,
    """
    DROP POLICY changes ON accounts_membership;
    DROP POLICY joins ON accounts_membership;
    DROP POLICY sign_in ON accounts_membership;
    ALTER TABLE accounts_membership DISABLE ROW LEVEL SECURITY;
    REVOKE INSERT, UPDATE (role, is_active) ON accounts_membership FROM dermaclinic_web;
    """,
)
# A token made before has all scopes, as it had, and 90 days from now on.
former_tokens = migrations.RunSQL(
    "UPDATE accounts_apitoken SET expires_at = LEAST(expires_at, created_at + interval '366 days')",
    migrations.RunSQL.noop,
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_clinic_settings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("technician", "Technician"),
                            ("doctor", "Doctor"),
                            ("administrator", "Administrator"),
                        ],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("invited_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-invited_at"],
            },
        ),
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(
                default=dermaclinic.accounts.models.token_lifetime, verbose_name="expires"
            ),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_address",
            field=models.GenericIPAddressField(null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="name",
            field=models.CharField(blank=True, max_length=80, verbose_name="name"),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="revoked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("read", "read"),
                        ("write:patients", "register patients, consents and lesions"),
                        ("write:images", "visits and images"),
                        ("write:reviews", "assessments, histology and drafts of reports"),
                        ("sign", "sign reports"),
                        ("write:models", "models in service"),
                    ],
                    max_length=20,
                ),
                default=ALL_SCOPES,
                size=None,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="clinicsettings",
            name="idle_minutes",
            field=models.PositiveSmallIntegerField(
                default=15, verbose_name="minutes until sign-out"
            ),
        ),
        migrations.AddField(
            model_name="clinicsettings",
            name="mfa_roles",
            field=models.JSONField(
                default=dermaclinic.accounts.models.default_mfa_roles,
                verbose_name="roles with a second factor",
            ),
        ),
        former_tokens,
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "scopes__contained_by",
                        [
                            "read",
                            "write:patients",
                            "write:images",
                            "write:reviews",
                            "sign",
                            "write:models",
                        ],
                    )
                ),
                name="scopes_are_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "expires_at__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("created_at"), "+", models.Value(datetime.timedelta(days=366))
                        ),
                    )
                ),
                name="token_expires_within_a_year",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("mfa_roles__contained_by", ["technician", "doctor", "administrator"]),
                    django.db.models.lookups.Exact(
                        models.Func(
                            "mfa_roles", function="jsonb_typeof", output_field=models.TextField()
                        ),
                        "array",
                    ),
                ),
                name="mfa_roles_are_roles",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("idle_minutes__range", (5, 60))),
                name="idle_minutes_are_sensible",
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="accepted_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="clinic",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.clinic"
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="invited_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("accepted_at", None), ("withdrawn_at", None)),
                fields=("clinic", "email"),
                name="one_open_invitation",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="invitation_email_is_lower_case",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["technician", "doctor", "administrator"])),
                name="invitation_role_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(("accepted_at", None), ("withdrawn_at", None), _connector="OR"),
                name="invitation_ends_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("accepted_at", None), ("accepted_by", None)),
                    models.Q(("accepted_at__isnull", False), ("accepted_by__isnull", False)),
                    _connector="OR",
                ),
                name="invitation_accepted_by_somebody",
            ),
        ),
        memberships_in_context,
        grant("accounts_user", web="INSERT"),
        protect(
            "accounts_invitation",
            web="SELECT, INSERT, UPDATE (accepted_at, accepted_by_id, withdrawn_at)",
            worker="",
        ),
        immutable_when(
            "accounts_invitation",
            "OLD.accepted_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL",
            error="an invitation ends once",
        ),
        grant("accounts_apitoken", web="UPDATE (last_used_at, last_used_address, revoked_at)"),
        immutable_when(
            "accounts_apitoken",
            "OLD.revoked_at IS NOT NULL",
            error="a revoked token stays revoked",
        ),
    ]
