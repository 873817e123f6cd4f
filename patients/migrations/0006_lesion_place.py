from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("patients", "0005_contact_wall")]

    operations: ClassVar = []
