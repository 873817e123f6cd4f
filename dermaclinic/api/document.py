"""The OpenAPI document and its browsable form, which works under a CSP of 'self'."""

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


@extend_schema(exclude=True)
class Document(SpectacularAPIView):
    """The document itself, as YAML or JSON."""


class Browsable(SpectacularSwaggerSplitView):
    """Swagger UI from our own origin, its script and its styles in files of their own."""

    url_name = "api-schema"
    template_name = "api/docs.html"
    http_method_names = ("get", "head")  # the template cannot say what OPTIONS asks for
