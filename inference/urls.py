"""Addresses of opinions and models."""

from django.urls import path

from inference import model_views, views, visit_views

app_name = "inference"
urlpatterns = [
    path("visits/<uuid:study_id>/opinions/", visit_views.briefs, name="briefs"),
    path("images/<uuid:instance_id>/status/", views.status, name="status"),
    path("images/<uuid:instance_id>/ask/", views.ask, name="ask"),
    path("opinions/<uuid:prediction_id>/heat-map/", views.heat_map, name="heat-map"),
    path("opinions/<uuid:prediction_id>/melanoma-map/", views.melanoma_map, name="melanoma-map"),
    path("opinions/<uuid:prediction_id>/outline/", views.lesion_outline, name="outline"),
    path("opinions/<uuid:prediction_id>/rerun/", views.rerun, name="rerun"),
    path("models/", model_views.models, name="models"),
    path("models/<uuid:model_id>/", model_views.model, name="model"),
    path("models/<uuid:model_id>/activate/", model_views.activate, name="activate"),
    path("models/<uuid:model_id>/deactivate/", model_views.deactivate, name="deactivate"),
    path("models/<uuid:model_id>/roll-back/", model_views.roll_back, name="roll-back"),
    path("models/<uuid:model_id>/shadow/", model_views.start_shadow, name="shadow"),
    path("models/<uuid:model_id>/stop-shadow/", model_views.stop_shadow, name="stop-shadow"),
]
