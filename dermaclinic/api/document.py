"""The OpenAPI document and its browsable form, which works under a CSP of 'self'."""

from functools import cache
from typing import Any

from csp.decorators import csp_update
from django.utils import translation
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class Once(SchemaGenerator):
    """Writes the document once for each language: it is the same for everybody, and long."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        if not public:
            return super().get_schema(request=request, public=public)
        return _written(translation.get_language())


@cache
def _written(_language: str | None) -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


@extend_schema(exclude=True)
class Document(SpectacularAPIView):
    """The document itself, as YAML or JSON."""

    generator_class = Once


@method_decorator(csp_update({"img-src": "data:"}), name="dispatch")  # icons in its style sheet
class Browsable(SpectacularSwaggerSplitView):
    """Swagger UI from our own origin, its script and its styles in files of their own."""

    url_name = "api-schema"
    template_name = "api/docs.html"
    http_method_names = ("get", "head")  # the template cannot say what OPTIONS asks for
