"""What the roles may do with accounts. Clinics and people are made by the owner."""

from django.db import migrations

from dermaclinic.accounts.tenancy import grant

MANAGE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("sessions", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        grant("accounts_clinic", web="SELECT", worker="SELECT", sealer="SELECT"),
        grant("accounts_user", web="SELECT, UPDATE (password, last_login)"),
        grant("accounts_membership", web="SELECT"),
        grant("accounts_apitoken", web="SELECT, INSERT"),
        # The worker clears out what is old, and cannot read the answers.
        grant("accounts_idempotencykey", web=MANAGE, worker="SELECT (id, created_at), DELETE"),
        grant("django_session", web=MANAGE),
        grant("django_content_type", web="SELECT", worker="SELECT"),
        grant("django_migrations", web="SELECT", worker="SELECT", sealer="SELECT"),
    ]
