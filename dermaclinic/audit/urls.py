"""Addresses of the audit page."""

from django.urls import path

from dermaclinic.audit import views

app_name = "audit"
urlpatterns = [path("", views.events, name="events")]
