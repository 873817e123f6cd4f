"""Addresses of the patients' pages."""

from django.urls import path

from patients import audit_lookup, merge_views, views

app_name = "patients"
urlpatterns = [
    path("", views.find, name="find"),
    path("register/", views.register, name="register"),
    path("similar/", views.similar, name="similar"),
    path("audit-lookup/", audit_lookup.lookup, name="audit-lookup"),
    path("<uuid:patient_id>/", views.detail, name="detail"),
    path("<uuid:patient_id>/change/", views.change, name="change"),
    path("<uuid:patient_id>/merge/", merge_views.second_record, name="second-record"),
    path("<uuid:patient_id>/merge/<uuid:other_id>/", merge_views.merge, name="merge"),
    path("merges/<uuid:merge_id>/undo/", merge_views.undo, name="undo-merge"),
    path("<uuid:patient_id>/consents/", views.consents, name="consents"),
    path("<uuid:patient_id>/lesions/", views.add_lesion, name="add-lesion"),
    path("<uuid:patient_id>/lesions/<uuid:lesion_id>/", views.change_lesion, name="change-lesion"),
    path(
        "<uuid:patient_id>/lesions/<uuid:lesion_id>/place/", views.place_lesion, name="place-lesion"
    ),
]
