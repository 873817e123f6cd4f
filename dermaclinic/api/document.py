"""The OpenAPI document and its browsable form, which works under a CSP of 'self'."""

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


@extend_schema(exclude=True)
class Document(SpectacularAPIView):
    """The document itself, as YAML or JSON."""


@method_decorator(csp_update({"img-src": "data:"}), name="dispatch")  # icons in its style sheet
class Browsable(SpectacularSwaggerSplitView):
    """Swagger UI from our own origin, its script and its styles in files of their own."""

    url_name = "api-schema"
    template_name = "api/docs.html"
    http_method_names = ("get", "head")  # the template cannot say what OPTIONS asks for
