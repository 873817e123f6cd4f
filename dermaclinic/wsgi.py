"""WSGI entry point, for gunicorn's threaded workers. Without the right keys it does not start."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermaclinic.settings.production")

application = get_wsgi_application()

from imaging import formats, key_checks  # noqa: E402 - after the apps are ready

key_checks.refuse_wrong_keys()
formats.warm()  # so that the first upload does not wait for its reader
