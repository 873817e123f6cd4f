from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("patients", "0006_lesion_place")]

    operations: ClassVar = []
