"""Check the settings, migrate the database, and make the first API key."""

import os
import sys
from typing import Any

from django.core.checks import ERROR, run_checks
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error as DatabaseError

from ingest.broker.connection import BrokerRefused, check_access
from ingest.management import checks


class Command(BaseCommand):
    help = (
        "Do what comes before the first start: check the settings and the broker's password, "
        "migrate the database, and make an API key if there is none. "
        "Exits 78 with one sentence if the service cannot run here."
    )
    requires_system_checks: list[str] = []  # run below, for one sentence instead of a list

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--broker-comes-later",
            action="store_true",
            help="do not ask the broker, since it is started afterwards",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        errors = [found for found in run_checks(tags=[checks.SETTINGS]) if found.level >= ERROR]
        if errors:
            self._refuse(errors[0].msg)
        try:
            if not options["broker_comes_later"]:
                check_access()
            call_command("migrate", verbosity=0, skip_checks=True)
            call_command("api_key", "first", stdout=self.stdout)
        except BrokerRefused as error:
            self._refuse(f"INGEST_BROKER_URL: {error}.")
        except DatabaseError as error:
            first = str(error).strip().splitlines()[0]
            self._refuse(f"The database cannot be used: {first}.")

    def _refuse(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(os.EX_CONFIG)
