"""The clinic as a whole: settings, accounts, audit, the bell and the URLs."""

from dermaclinic.celery import app as celery_app

__all__ = ["celery_app"]
