from django.urls import path

from dermaclinic.accounts import member_views as views

app_name = "people"
urlpatterns = [
    path("members/", views.listing, name="members"),
    path("members/invite/", views.invite, name="invite"),
    path("members/<uuid:membership_id>/", views.detail, name="member"),
    path("members/<uuid:membership_id>/role/", views.change_role, name="change-role"),
    path("members/<uuid:membership_id>/deactivate/", views.deactivate, name="deactivate"),
    path("members/<uuid:membership_id>/reactivate/", views.reactivate, name="reactivate"),
    path("invitations/<uuid:invitation_id>/withdraw/", views.withdraw, name="withdraw"),
    path("tokens/", views.clinic_tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", views.revoke_token, name="revoke-token"),
]
