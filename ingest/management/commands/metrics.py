"""Serve the metrics of this machine's processes, where no web server does."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from prometheus_client import CollectorRegistry, start_http_server

from ingest.api.prometheus import ProcessMetrics


class Command(BaseCommand):
    help = "Serve /metrics on a machine that has workers but no web server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (%(default)s)"
        )
        parser.add_argument("--port", type=int, default=8404, help="(%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        registry = CollectorRegistry()
        registry.register(ProcessMetrics())
        start_http_server(options["port"], options["host"], registry)
        self.stdout.write(f"http://{options['host']}:{options['port']}/metrics")
        signal.pause()
