from django.urls import path

from dermaclinic.accounts import account_views as views, preferences_views

app_name = "account"
urlpatterns = [
    path("tokens/", views.own_tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", views.revoke_own_token, name="revoke-token"),
    path("sessions/", views.own_sessions, name="sessions"),
    path("sessions/<int:session_id>/end/", views.end_session, name="end-session"),
    path("sessions/end-others/", views.end_other_sessions, name="end-other-sessions"),
    path("preferences/", preferences_views.own_preferences, name="preferences"),
    path("stay/", views.stay, name="stay"),
    path("idled-out/", views.idled_out, name="idled-out"),
]
