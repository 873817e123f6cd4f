"""HTML to PDF (A4, tagged, PDF/UA-1), with nothing fetched: what is embedded is given.

A document's text may come from anybody, so its addresses are treated as an attacker's: none is
followed, whatever its scheme, and one that is not ours ends the rendering (server-side request
forgery, OWASP A10:2021).
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from PIL import ImageFile

SCHEME = "report:"
_SHOWN = 80  # characters of a refused address


class CannotRender(Exception):
    """The PDF cannot be made, and trying again alone would not help; a sentence for a person."""


def draw(html: str, embedded: Mapping[str, bytes], *, identifier: bytes) -> bytes:
    """The PDF of a document; the same arguments give the same bytes. Raises CannotRender.

    `embedded` are JPEG bytes by name, which the document calls `report:name`; `identifier` are 32
    bytes that stand in the file as its id.
    """
    weasyprint, fetcher, refusal = _weasyprint(embedded)
    document = weasyprint.HTML(string=html, base_url=SCHEME, url_fetcher=fetcher)
    try:
        data: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=identifier)
    except refusal as error:  # a BaseException, which would end the worker
        raise CannotRender(str(error)) from error
    return data


def _weasyprint(embedded: Mapping[str, bytes]) -> tuple[Any, Any, type[BaseException]]:
    """WeasyPrint, imported when needed; a fetcher of what is embedded and no more; its refusal."""
    try:
        import weasyprint
        from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse
    except (ImportError, OSError) as error:
        raise CannotRender(
            _(
                "The PDF could not be made: the libraries that set its text are not installed. "
                "Ask support to install libpango-1.0-0 and libpangoft2-1.0-0, then try again."
            )
        ) from error
    # It switches this on for the whole process, where half an image must stay an error.
    ImageFile.LOAD_TRUNCATED_IMAGES = False

    class Embedded(URLFetcher):
        """Serves what is embedded from memory; any other address ends the rendering.

        Its `open`, which would go out and follow redirects, comes here, too.
        """

        def fetch(self, url: str, headers: Any = None) -> Any:
            data = embedded.get(url.removeprefix(SCHEME))
            if not url.startswith(SCHEME) or data is None:
                raise FatalURLFetchingError(
                    _("A report fetches nothing from outside: %(url)s") % {"url": url[:_SHOWN]}
                )
            return URLFetcherResponse(url, data, {"Content-Type": "image/jpeg"})

    fetcher = Embedded(allowed_protocols=[], allow_redirects=False, timeout=0)
    for handler in list(fetcher.handlers):
        handler.close()
    fetcher.handlers.clear()
    fetcher.handle_open.clear()  # nothing is left that could open an address
    return weasyprint, fetcher, FatalURLFetchingError
