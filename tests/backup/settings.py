"""As the suite's, but each process logs in as the role that it plays."""

from dermaclinic.settings import environment
from dermaclinic.settings.testing import *  # noqa: F403 - settings modules are layered by star import

DATABASE_ROLE = environment.database_role()
DATABASES = {"default": environment.database(DATABASE_ROLE)}
