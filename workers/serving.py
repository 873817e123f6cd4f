"""The networks of this process: the package of a model, found by its hash, loaded and warmed once.

TensorFlow is imported here and nowhere before: only an inference worker comes this way.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from threadpoolctl import threadpool_limits

from inference import package as packages
from inference.models import ModelVersion
from inference.services.models import plain

if TYPE_CHECKING:
    from inference.engine import Engine

log = logging.getLogger(__name__)
_engines: dict[str, "Engine"] = {}  # by the SHA-256 of the weights


def engine_for(model: ModelVersion) -> "Engine | None":
    """The engine of a registered model; None, and a line in the log, when it cannot answer.

    No model, no answer: a package that is missing or is not the registered one is never replaced
    by another. What waits for it waits on until the package is back.
    """
    if (engine := _engines.get(model.sha256)) is not None:
        return engine
    try:
        folder = _folder(model)
        from inference.engine import Engine

        # NumPy's own threads would spin beside TensorFlow's on the same cores.
        threadpool_limits(settings.INFERENCE_THREADS)
        engine = Engine.load(
            folder,
            threads=settings.INFERENCE_THREADS,
            batch_sizes=settings.INFERENCE_FORWARD_SIZES,
        )
    except packages.PackageRefused as error:
        log.critical("No opinions by %s: %s", model, error)
        return None
    _engines[model.sha256] = engine
    log.info("%s (%s) is ready.", model, model.sha256[:12])
    return engine


def _folder(model: ModelVersion) -> Path:
    """Where the package with this model's hash and manifest is; PackageRefused when nowhere."""
    root = Path(settings.MODEL_PACKAGES)
    refused = []
    for folder in sorted(path.parent for path in root.glob(f"*/{packages.MANIFEST}")):
        try:
            found = packages.read(folder)
        except packages.PackageRefused as error:
            refused.append(str(error))
            continue
        if found.sha256 != model.sha256:
            continue
        if plain(found.manifest) != model.manifest:
            raise packages.PackageRefused(
                f"{folder / packages.MANIFEST} has changed since it was registered."
            )
        return folder
    raise packages.PackageRefused(
        " ".join([f"{root} holds no package with SHA-256 {model.sha256[:12]}….", *refused])
    )
