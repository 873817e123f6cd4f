"""The months of the event table: made ahead of time, the first of them by the migration."""

from typing import NamedTuple

from django.db import connection

AHEAD = 3


class Partitions(NamedTuple):
    """How many months were made, and how many events found no month of their own."""

    made: int
    unplaced: int


def make(*, ahead: int = AHEAD) -> Partitions:
    """Make this month's partition and those of the next `ahead` months (at most 24) where missing.

    Events of a month without one stand in the default partition, as readable and as safe, but never
    move out: `unplaced` above zero means that this did not run in time.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT made, unplaced FROM audit_make_partitions(%s)", [ahead])
        return Partitions(*cursor.fetchone())
