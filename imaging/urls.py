"""Addresses of visits and images."""

from django.urls import path

from imaging.views import ahead, capture, held, image, matching, resumable, visit

app_name = "imaging"
urlpatterns = [
    path("capture/", capture.capture, name="capture"),
    path("patients/<uuid:patient_id>/visits/", visit.start, name="start"),
    path("visits/<uuid:study_id>/", visit.visit, name="visit"),
    path("visits/<uuid:study_id>/upload/", visit.upload, name="upload"),
    path("visits/<uuid:study_id>/uploads/", resumable.begin, name="uploads"),
    path("visits/<uuid:study_id>/assign/", matching.assign, name="assign-images"),
    path("visits/<uuid:study_id>/take-back/", matching.take_back, name="take-back"),
    path("uploads/<uuid:upload_id>/", resumable.part, name="part"),
    path("visits/<uuid:study_id>/arrivals/", visit.arrivals, name="arrivals"),
    path("images/<uuid:instance_id>/", image.instance, name="instance"),
    path("images/<uuid:instance_id>/image/", image.rendition, {"which": "image"}, name="image"),
    path(
        "images/<uuid:instance_id>/thumbnail/",
        image.rendition,
        {"which": "thumbnail"},
        name="thumbnail",
    ),
    path("images/<uuid:instance_id>/ahead/", ahead.ahead, name="ahead"),
    path("images/<uuid:instance_id>/assign/", visit.assign, name="assign"),
    path("images/<uuid:instance_id>/kind/", visit.modality, name="modality"),
    path("images/<uuid:instance_id>/move/", image.move, name="move"),
    path("images/<uuid:instance_id>/move-to/", image.move_to, name="move-to"),
    path("held/", held.held, name="held"),
    path("held/<uuid:quarantine_id>/", held.held_item, name="held-item"),
    path("held/<uuid:quarantine_id>/accept/", held.accept, name="accept"),
    path("held/<uuid:quarantine_id>/discard/", held.discard, name="discard"),
]
