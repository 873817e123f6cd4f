"""Every address of the product. Ids are UUIDs; nothing that names a person stands in a URL."""

from django.urls import URLPattern, URLResolver, include, path

from dermaclinic import health
from dermaclinic.accounts import invitation_views, rules_views, views as accounts
from inference import clinic

urlpatterns: list[URLPattern | URLResolver] = [
    path("", accounts.home, name="home"),
    path("sign-in/", include("dermaclinic.accounts.sign_in_urls")),
    path("account/second-factors/", include("dermaclinic.accounts.factor_urls")),
    path("clinic/sign-in-rules/", rules_views.sign_in_rules, name="sign-in-rules"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("clinic/settings/", include(([path("", clinic.settings, name="settings")], "clinic"))),
    path("clinic/", include("dermaclinic.accounts.member_urls")),
    path("clinic/", accounts.choose_clinic, name="choose-clinic"),
    path("account/", include("dermaclinic.accounts.account_urls")),
    path("invitation/<uuid:clinic_id>/<str:token>/", invitation_views.accept, name="invitation"),
    path("audit/", include("dermaclinic.audit.urls")),
    path("patients/", include("patients.urls")),
    path("imaging/", include("imaging.urls")),
    path("inference/", include("inference.urls")),
    path("reports/", include("reports.urls")),
    path("api/", include("dermaclinic.api.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
