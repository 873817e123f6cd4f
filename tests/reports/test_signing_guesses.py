"""A session left open is no place to guess the password: wrong ones count when signing, too."""

from typing import Any

import pytest
from django.test import Client

from dermaclinic.accounts.lockout import Locked
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid
from reports.models import Report
from reports.services.signing import sign
from tests import factories
from tests.accounts.signing_in import sign_in, told
from tests.reports import scenes

pytestmark = pytest.mark.django_db


def test_after_five_wrong_passwords_even_the_right_one_signs_nothing(
    doctor: Any, clinic: Any
) -> None:
    draft, *_rest = scenes.draft(doctor)
    for _ in range(5):
        with pytest.raises(Invalid):
            sign(actor=doctor, report_id=draft.pk, password="not the password")
    with pytest.raises(Locked):
        sign(actor=doctor, report_id=draft.pk, password=factories.PASSWORD)
    with clinic_context(doctor.clinic_id):
        assert Report.objects.get(pk=draft.pk).status == Report.Status.DRAFT
    assert len(told(clinic, "account.locked_out")) == 1
    # It is the same count as at the door.
    door = Client(REMOTE_ADDR=doctor.address)
    assert sign_in(door, doctor.user.email).status_code == 429
