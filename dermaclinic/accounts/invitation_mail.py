"""An invitation by e-mail, where the server has been told of one; else the link is handed over."""

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext as _

from dermaclinic.accounts.models import Invitation

log = logging.getLogger(__name__)


def send(invitation: Invitation, link: str) -> bool:
    """Mail the link; whether that went well. Called after the invitation is stored."""
    if not settings.EMAIL_HOST:
        return False
    clinic = invitation.clinic.name
    text = _(
        "You are invited to work in the dermoscopy record of %(clinic)s.\n\n"
        "Open this link within seven days to join. It is meant for you alone:\n%(link)s\n"
    ) % {"clinic": clinic, "link": link}
    try:
        sent = send_mail(
            subject=_("Your invitation"),
            message=text,
            from_email=None,
            recipient_list=[invitation.email],
        )
    except (smtplib.SMTPException, OSError):
        # Neither the address nor the link belongs in a log.
        log.warning("Invitation %s could not be mailed.", invitation.pk)
        return False
    return sent == 1
