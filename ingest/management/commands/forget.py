"""Forget what is older than the settings keep; a timer runs this once a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingest.management.runs import follow
from ingest.models import StoreRun
from ingest.operations import audit
from ingest.operations.store_runs import forget_before


class Command(BaseCommand):
    help = (
        "Forget the texts of posts after INGEST_KEEP_CONTENT_DAYS, and whole posts after "
        "INGEST_KEEP_POSTS_DAYS. Counts stay. Run it once a day. It waits for the workers."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        kept = {
            StoreRun.Kind.FORGET_TEXTS: settings.KEEP_CONTENT_DAYS,
            StoreRun.Kind.FORGET_POSTS: settings.KEEP_POSTS_DAYS,
        }
        if not any(kept.values()):
            self.stdout.write("Nothing is forgotten: both settings are 0.")
        for kind, days in kept.items():
            if days:
                day = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
                follow(forget_before(day, kind, by=audit.command_actor()), self.stdout.write)
