"""Draws a report's PDF from its frozen content: A4, tagged (PDF/UA-1), nothing fetched.

The content follows the dermoscopy report of the International Dermoscopy Society (Malvehy et al.,
J Am Acad Dermatol 2007;57:84-95), in ten points: (1) the patient's age, sex and relevant personal
and family history; (2) the clinical description of the lesion; (3) the two-step method, melanocytic
or not; (4) structures described in standardized terms; (5) the dermoscopic algorithm used; (6) the
imaging equipment and magnification; (7) clinical and dermoscopic images; (8) the diagnosis or
differential diagnosis; (9) the decision on management; (10) comments for the pathologist.
What nobody recorded is printed as not recorded.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from dermaclinic.pdf import SCHEME, CannotRender, draw

__all__ = ["CannotRender", "page", "render"]


def render(
    content: dict[str, Any],
    pictures: Mapping[str, bytes],
    *,
    content_sha256: str,
    signing_event: int,
) -> bytes:
    """The PDF of a content (reports/content.py).

    `pictures` are JPEG bytes by name (reports/services/pictures.py); what is missing there is
    printed as left out. The same arguments give the same bytes. Raises CannotRender.
    """
    with translation.override(content["language"]):
        html = page(content, pictures, content_sha256=content_sha256, signing_event=signing_event)
    return draw(html, pictures, identifier=content_sha256[:32].encode())


def page(
    content: dict[str, Any],
    pictures: Mapping[str, bytes],
    *,
    content_sha256: str,
    signing_event: int,
) -> str:
    """The document that is printed, as HTML."""
    return render_to_string(
        "reports/pdf/report.html",
        _dated(content)
        | {
            "pictures": {name: SCHEME + name for name in pictures},
            "content_sha256": content_sha256,
            "signing_event": signing_event,
        },
    )


def _dated(value: Any) -> Any:
    """The content with its ISO dates and times as such, so that templates can write them out."""
    if isinstance(value, dict):
        return {key: _date(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_dated(each) for each in value]
    return value


def _date(key: str, value: Any) -> Any:
    if isinstance(value, str) and (key == "at" or key.endswith("_at")):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and key in ("date", "due", "birth_date"):
        return date.fromisoformat(value)
    return _dated(value)
