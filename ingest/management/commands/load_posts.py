"""Load posts from files: the command line of `ingest.loader` as a Django command."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from ingest.loader.__main__ import run
from ingest.loader.arguments import HELP, add_arguments


class Command(BaseCommand):
    help = HELP
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(run(Namespace(**options)))
