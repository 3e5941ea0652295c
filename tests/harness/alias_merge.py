"""Merge two entities in 1,000 counted posts, and split them again, on the emulator; is it exact?"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command

from ingest.core.aliases import Replacement, Rules
from ingest.core.counts import Counts, count_posts
from ingest.core.messages import PostEntities
from ingest.models import Alias, AliasBackfill
from ingest.operations import alias_backfill
from ingest.operations.rule_versions import bump_version
from ingest.store import open_store
from tests import environment
from tests.support.servers import server

POSTS = 1000
PATIENCE = 120  # seconds for one call to the store
NAME, BECOMES = "Australian", "Australia"


def merge_and_split(articles: Sequence[PostEntities]) -> dict[str, Any]:
    """Count articles under ids of their own, merge, split; return seconds, and whether all held."""
    posts = [
        articles[n % len(articles)].model_copy(update={"post_id": f"{n:032x}"})
        for n in range(POSTS)
    ]
    rules = Rules(1, {("GROUP", NAME.lower()): Replacement(BECOMES, "GPE")})
    with _servers():
        open_store().add(posts)
        before = _kept()
        alias = Alias.objects.create(label="NORP", name=NAME, becomes=BECOMES, becomes_label="GPE")
        merge_seconds = _run_through()
        merged = _kept()
        alias.delete()
        split_seconds = _run_through()
        split = _kept()
    return {
        "merge_exact": merged == count_posts(map(rules.apply, posts)) and split == before,
        "merge_seconds": merge_seconds,
        "split_seconds": split_seconds,
        "merge_posts": POSTS,
        "merge_changed": sum(post.entities != rules.apply(post).entities for post in posts),
    }


def _kept() -> Counts:
    """Return the counters, which must be those of the posts."""
    recount = open_store().recount("The Gazette")
    assert not recount.diff
    return recount.stored


def _run_through() -> float:
    """Take all steps of a run, as the savers do that are asked for them; return the seconds."""
    bump_version()
    began = time.perf_counter()
    run = AliasBackfill.objects.create()
    while run.ended_at is None:
        alias_backfill.take_step(run.pk)
        run.refresh_from_db()
    return round(time.perf_counter() - began, 1)


@contextmanager
def _servers() -> Iterator[None]:
    """Run the emulator and the broker, and make the database; a busy machine may be slow."""
    logging.getLogger("ingest").setLevel(logging.WARNING)
    settings.STORE_OPTIONS = {**settings.STORE_OPTIONS, "timeout": PATIENCE}
    with (
        server("ingest.devstack.firestore_emulator", environment.FIRESTORE_PORT),
        server("ingest.devstack.valkey", environment.BROKER_PORT),
    ):
        call_command("migrate", verbosity=0)
        yield
