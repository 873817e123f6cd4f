"""A report's PDF lies sealed in the vault, and goes along when keys rotate."""

import base64
from pathlib import Path
from typing import Any

from imaging.services import rotation
from imaging.storage import vault
from reports.selectors import report_pdf
from reports.services import rendering
from tests.opinions import as_worker
from tests.reports import scenes

OLD, NEW = (base64.b64encode(bytes([n, *range(1, 32)])).decode() for n in (200, 201))


def test_a_pdf_is_sealed_and_rotates(settings: Any, doctor: Any) -> None:
    settings.VAULT_KEYS = f"old:{OLD}"
    report = scenes.signed(doctor)[0]
    with as_worker():
        assert rendering.render_pending() == 1
    data = report_pdf(doctor, report.pk)
    assert data.startswith(b"%PDF")
    files = [path for path in Path(settings.VAULT_DIR).rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert not [path for path in files if b"%PDF" in path.read_bytes()]
    settings.VAULT_KEYS = f"new:{NEW},old:{OLD}"
    assert rotation.rotate(vault()).objects == len(files)
    settings.VAULT_KEYS = f"new:{NEW}"
    assert report_pdf(doctor, report.pk) == data
