"""`reset_sign_in`: a new password and nothing else that opens, for somebody who has lost all.

An account may belong to several clinics, so no clinic's administrator decides on it: the operator
does, as the database's owner, once it is certain who asks. Every clinic of the person is told.
"""

import getpass
import os
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from dermaclinic import audit
from dermaclinic.accounts import sessions, tokens
from dermaclinic.accounts.actor import system_actor
from dermaclinic.accounts.models import User
from dermaclinic.accounts.people import memberships_of
from dermaclinic.accounts.tenancy import clinic_context


class Command(BaseCommand):
    help = (
        "Sets a password (asked for, or NEW_PASSWORD), removes second factors and the tie to an "
        "identity provider, ends sessions and API tokens."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="of the account")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError("There is no account with this e-mail.")
        password = os.environ.get("NEW_PASSWORD") or getpass.getpass("New password: ")
        try:
            password_validation.validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        user.set_password(password)
        with transaction.atomic():
            user.save(update_fields=["password"])
            factors, _rows = Authenticator.objects.filter(user=user).delete()
            ended = sessions.end_all(user)
            SocialAccount.objects.filter(user=user).delete()
            for membership in memberships_of(user.pk):
                with clinic_context(membership.clinic_id):
                    actor = system_actor(membership.clinic_id, task="reset_sign_in")
                    audit.reset_sign_in(actor, user)
                    tokens.end_all(actor, membership)
        self.stdout.write(f"{user.pk}: new password; gone: {factors} factors, {ended} sessions.")
