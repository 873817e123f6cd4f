"""Addresses of opinions and models."""

from django.urls import path

from inference import views

app_name = "inference"
urlpatterns = [
    path("images/<uuid:instance_id>/status/", views.status, name="status"),
    path("images/<uuid:instance_id>/ask/", views.ask, name="ask"),
    path("opinions/<uuid:prediction_id>/heat-map/", views.heat_map, name="heat-map"),
    path("opinions/<uuid:prediction_id>/rerun/", views.rerun, name="rerun"),
    path("models/", views.models, name="models"),
    path("models/<uuid:model_id>/activate/", views.activate, name="activate"),
]
