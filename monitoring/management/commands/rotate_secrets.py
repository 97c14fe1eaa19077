"""`manage.py rotate_secrets`: seal every stored secret with the newest of the keys."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitoring.services.channels import reseal_channels


class Command(BaseCommand):
    help = (
        "Seal the settings of all channels with the first key of SECRETS_KEY. Afterwards the others may go."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, closed = reseal_channels()
        self.stdout.write(f"Sealed anew: {done}.")
        if closed:
            raise CommandError(
                f"{closed} could not be opened with any key of SECRETS_KEY: put the old key back, or enter their "
                "settings anew."
            )
