"""The worker clears out sessions that have ended, and reads nothing of any but when it ends."""

from django.db import migrations

from dermaclinic.accounts.tenancy import grant


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_wall"), ("sessions", "0001_initial")]

    operations = [grant("django_session", worker="SELECT (expire_date), DELETE")]
