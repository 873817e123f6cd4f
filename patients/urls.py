"""Addresses of the patients' pages."""

from django.urls import path

from patients import audit_lookup, views

app_name = "patients"
urlpatterns = [
    path("", views.find, name="find"),
    path("register/", views.register, name="register"),
    path("similar/", views.similar, name="similar"),
    path("audit-lookup/", audit_lookup.lookup, name="audit-lookup"),
    path("<uuid:patient_id>/", views.detail, name="detail"),
    path("<uuid:patient_id>/change/", views.change, name="change"),
    path("<uuid:patient_id>/consents/", views.consents, name="consents"),
    path("<uuid:patient_id>/lesions/", views.add_lesion, name="add-lesion"),
    path("<uuid:patient_id>/lesions/<uuid:lesion_id>/", views.change_lesion, name="change-lesion"),
]
