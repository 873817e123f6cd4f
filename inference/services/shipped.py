"""The packages that come with the product: registered at each start, one active a modality."""

from pathlib import Path

from django.conf import settings

from dermaclinic.errors import Conflict, DomainError, Invalid
from inference import package as packages
from inference.models import ModelVersion
from inference.services import models


def register_shipped() -> list[ModelVersion]:
    """Register every package in settings.MODEL_PACKAGES, and see that one answers per modality.

    settings.MODEL_DEFAULTS names the package that answers for a modality, else the first does.
    What an administrator chose since is kept, unless its package is no longer here: it could answer
    nothing. Returns the models, those of one modality together. Raises Invalid or Conflict for a
    package that is refused, when the others are in.
    """
    root = Path(settings.MODEL_PACKAGES)
    found: list[ModelVersion] = []
    refused: list[DomainError] = []
    for folder in sorted(path.parent for path in root.glob(f"*/{packages.MANIFEST}")):
        try:
            found.append(models.register_package(folder=folder))
        except (Invalid, Conflict) as error:
            refused.append(error)
    for modality in dict.fromkeys(model.modality for model in found):
        here = [model for model in found if model.modality == modality]
        if not any(model.active for model in here):
            wanted = settings.MODEL_DEFAULTS.get(modality)
            chosen = next((model for model in here if model.name == wanted), here[0])
            models.activate_as_owner(model_id=chosen.pk)
    if refused:
        raise refused[0]
    known = ModelVersion.objects.filter(pk__in=[model.pk for model in found])
    return list(known.order_by("modality", "name", "version"))
