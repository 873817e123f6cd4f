"""The clinic's day, by its own clock."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone


@dataclass(frozen=True)
class Day:
    """From midnight to midnight on the clinic's own clock."""

    begins: datetime
    ends: datetime


def today() -> Day:
    """The clinic's day that it is now."""
    zone = ZoneInfo(settings.CLINIC_TIME_ZONE)
    date = timezone.now().astimezone(zone).date()
    begins = datetime.combine(date, time.min, zone)
    return Day(begins, datetime.combine(date + timedelta(days=1), time.min, zone))
