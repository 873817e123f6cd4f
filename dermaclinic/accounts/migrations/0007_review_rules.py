from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0006_idempotency_wall")]

    operations: ClassVar = []
