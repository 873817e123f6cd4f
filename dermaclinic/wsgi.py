"""WSGI entry point, served by gunicorn's threaded workers."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermaclinic.settings.production")

application = get_wsgi_application()
