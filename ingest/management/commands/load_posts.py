"""Load posts from files: the command line of `ingest.loader` as a Django command."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from ingest.loader import __main__ as load


class Command(BaseCommand):
    help = load.HELP
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        load.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(load.run(Namespace(**options)))
