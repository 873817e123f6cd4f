"""Small packages for tests: a shipped manifest under another name, with a few bytes for weights."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from django.conf import settings

SHIPPED = Path(settings.BASE_DIR) / "inference" / "packages"


def small(root: Path, name: str, *, modality: str = "dermoscopy", metrics: Any = None) -> Path:
    """A folder that registers like a package, and answers nothing."""
    folder = root / name
    folder.mkdir(parents=True)
    weights = f"weights of {name}".encode()
    (folder / "weights.npz").write_bytes(weights)
    text = min(SHIPPED.glob("ham10000-*/manifest.toml")).read_text()
    for key, value in (
        ("name", name),
        ("version", "1.0.0"),
        ("modality", modality),
        ("sha256", hashlib.sha256(weights).hexdigest()),
    ):
        text = re.sub(rf'^{key} = ".*"$', f'{key} = "{value}"', text, count=1, flags=re.MULTILINE)
    (folder / "manifest.toml").write_text(text)
    (folder / "card.md").write_text(f"# {name}\n\nA card.\n")
    if metrics is not None:
        (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder
