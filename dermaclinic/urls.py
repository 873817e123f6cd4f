"""Every address of the product. Ids are UUIDs; nothing that names a person stands in a URL."""

from contextlib import suppress

from django.urls import URLPattern, URLResolver, include, path

from dermaclinic import health
from dermaclinic.accounts import views as accounts

urlpatterns: list[URLPattern | URLResolver] = [
    path("", accounts.home, name="home"),
    path("sign-in/", accounts.sign_in, name="sign-in"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("clinic/", accounts.choose_clinic, name="choose-clinic"),
    path("audit/", include("dermaclinic.audit.urls")),
    path("patients/", include("patients.urls")),
    path("imaging/", include("imaging.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
for prefix, module in {
    "inference/": "inference.urls",
    "reports/": "reports.urls",
    "api/": "dermaclinic.api.urls",
}.items():
    with suppress(ImportError):
        urlpatterns.append(path(prefix, include(module)))
