"""Merge two entities in 1,000 saved posts on the emulator, and split them again."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management import call_command

from ingest.core.aliases import Replacement, Rules
from ingest.core.counts import Counts, count_posts
from ingest.core.default_names import defaults_of
from ingest.core.messages import PostEntities
from ingest.models import Alias, AliasBackfill
from ingest.operations import alias_backfill
from ingest.operations.rule_versions import bump_version
from ingest.store import open_store
from tests.support import servers

POSTS = 1000
STORE_TIMEOUT_SECONDS = 120  # for one call, on a busy machine
NAME, REPLACEMENT = "Australian", "Australia"


def merge_and_split(articles: Sequence[PostEntities]) -> dict[str, Any]:
    """Save articles, merge, split; return the seconds, and whether every count was exact."""
    usual = Rules(defaults=defaults_of({}))
    posts = [
        usual.apply(articles[n % len(articles)].model_copy(update={"post_id": f"{n:032x}"}))
        for n in range(POSTS)
    ]
    rules = replace(usual, everywhere={("GROUP", NAME.lower()): Replacement(REPLACEMENT, "GPE")})
    with _servers():
        open_store().add(posts)
        before = _stored_counts()
        alias = Alias.objects.create(
            label="NORP", name=NAME, becomes=REPLACEMENT, becomes_label="GPE"
        )
        merge_seconds = _backfill()
        merged = _stored_counts()
        alias.delete()
        split_seconds = _backfill()
        split = _stored_counts()
    return {
        "merge_exact": merged == count_posts(map(rules.apply, posts)) and split == before,
        "merge_seconds": merge_seconds,
        "split_seconds": split_seconds,
        "merge_posts": POSTS,
        "merge_changed": sum(post.entities != rules.apply(post).entities for post in posts),
    }


def _stored_counts() -> Counts:
    """Return the counters, and fail if they differ from the saved posts."""
    recount = open_store().recount("The Gazette")
    assert not recount.diff
    return recount.stored


def _backfill() -> float:
    """Take every step of a backfill, as the save workers do; return the seconds."""
    bump_version()
    began = time.perf_counter()
    backfill = AliasBackfill.objects.create()
    while backfill.ended_at is None:
        alias_backfill.take_step(backfill.pk)
        backfill.refresh_from_db()
    return round(time.perf_counter() - began, 1)


@contextmanager
def _servers() -> Iterator[None]:
    """Run the emulator and the broker, and make the database."""
    logging.getLogger("ingest").setLevel(logging.WARNING)
    settings.STORES["firestore"][1]["timeout"] = STORE_TIMEOUT_SECONDS
    with servers.emulator(), servers.valkey():
        call_command("migrate", verbosity=0)
        yield
