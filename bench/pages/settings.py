"""The bench's settings: as in production, but for plain HTTP, fixed keys and limits of rates.

The login is the owner's, who loads; every connection that serves acts as `dermaclinic_web`, behind
row-level security, as in the tests.
"""

from dermaclinic.settings import base
from dermaclinic.settings.testing import *  # noqa: F403 - settings modules are layered by star import

MIDDLEWARE = base.MIDDLEWARE
CACHES = base.CACHES
DEBUG = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 24 * 3600  # pages that ask anew are measured, too
