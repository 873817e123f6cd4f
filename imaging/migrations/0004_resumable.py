from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("imaging", "0003_modality")]

    operations: ClassVar = []
