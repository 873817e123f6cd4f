from django.apps import AppConfig
from django.core import checks
from django.db.backends.signals import connection_created


class AccountsConfig(AppConfig):
    name = "dermaclinic.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Django tells of a new connection by this signal only; the guard hangs on it."""
        from dermaclinic.accounts import tenancy, wall

        checks.register(wall.check, checks.Tags.database)
        connection_created.connect(
            lambda connection, **_: tenancy.install_guard(connection),
            dispatch_uid="tenancy-guard",
            weak=False,
        )
