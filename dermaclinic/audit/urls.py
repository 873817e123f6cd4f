"""Addresses of the audit's pages."""

from django.urls import path

from dermaclinic.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.events, name="events"),
    path("unusual/", views.unusual, name="unusual"),
    path("unusual/looked-into/", views.looked_into, name="looked-into"),
    path("export/csv/", views.export, {"form": "csv"}, name="export-csv"),
    path("export/ndjson/", views.export, {"form": "ndjson"}, name="export-ndjson"),
    path("export/bundle/", views.export, {"form": "bundle"}, name="export-bundle"),
]
