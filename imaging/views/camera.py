"""Pages with a viewfinder: the one thing of the device that they may use is its camera."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse

from dermaclinic.edge.middleware import WITH_CAMERA

View = Callable[..., HttpResponse]


def with_camera(view: View) -> View:
    """A page whose Permissions-Policy lets our own scripts ask for the camera."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response.headers["Permissions-Policy"] = WITH_CAMERA
        return response

    return wrapped
