"""A denial is on record even when the transaction it happened in is rolled back."""

from typing import Any

import pytest
from django.db import connections

from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden
from patients.models import Patient


@pytest.mark.django_db(transaction=True)
def test_a_rollback_keeps_the_denial(administrator: Any, settings: Any) -> None:
    settings.AUDIT_DENIALS_DATABASE = "denials"
    connections["denials"] = connections["default"].copy(alias="denials")
    try:
        with pytest.raises(Forbidden), clinic_context(administrator.clinic_id):
            Event.objects.count()
            policies.require(administrator, "add", Patient)
    finally:
        connections["denials"].close()
        del connections["denials"]
    with clinic_context(administrator.clinic_id):
        assert Event.objects.filter(action="access.denied").count() == 1
