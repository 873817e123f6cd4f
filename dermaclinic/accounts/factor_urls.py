from django.urls import path

from dermaclinic.accounts import factor_views as views

urlpatterns = [
    path("", views.overview, name="second-factors"),
    path("app/", views.add_app, name="factor-app"),
    path("passkey/", views.add_passkey, name="factor-passkey"),
    path("recovery-codes/", views.renew_codes, name="recovery-codes"),
    path("password/", views.change_password, name="change-password"),
    path("<int:factor_id>/remove/", views.remove, name="factor-remove"),
]
