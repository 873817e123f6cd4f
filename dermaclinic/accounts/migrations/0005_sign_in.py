"""What the web role may do with the tables of allauth and axes; no other role reads them."""

from django.db import migrations

from dermaclinic.accounts.tenancy import grant

MANAGE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_people"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("axes", "0010_accessattemptexpiration"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        grant("account_emailaddress", web="SELECT"),
        grant("mfa_authenticator", web=MANAGE),
        grant("socialaccount_socialapp", web="SELECT"),
        grant("socialaccount_socialaccount", web="SELECT, INSERT, UPDATE"),
        grant("usersessions_usersession", web=MANAGE),
        grant("axes_accessattempt", web=MANAGE),
        # Django looks here before it deletes an attempt; nothing is ever written.
        grant("axes_accessattemptexpiration", web="SELECT, DELETE"),
    ]
