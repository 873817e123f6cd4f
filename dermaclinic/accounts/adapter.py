"""What allauth asks of this house: who may sign up (nobody), and where a request comes from."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from dermaclinic.accounts.middleware import address_of


class AccountAdapter(DefaultAccountAdapter):
    """Members come by invitation; allauth neither makes accounts nor writes e-mails."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def send_notification_mail(self, *args: object, **kwargs: object) -> None:
        """What happened to an account is in the audit."""
