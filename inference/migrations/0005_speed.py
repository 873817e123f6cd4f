from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("inference", "0004_registry")]

    operations: ClassVar = []
