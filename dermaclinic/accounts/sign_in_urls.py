from django.urls import path

from dermaclinic.accounts import views

urlpatterns = [
    path("", views.sign_in, name="sign-in"),
    path("passkey/", views.sign_in_passkey, name="sign-in-passkey"),
    path("second-factor/", views.sign_in_factor, name="sign-in-factor"),
    path("confirm/", views.confirm, name="confirm"),
    path("provider/", views.sign_in_provider, name="sign-in-provider"),
    path("provider/callback/", views.sign_in_provider_callback, name="sign-in-provider-callback"),
]
