"""What is made of a publication at a glance, and when it is made again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from ingest.analytics import summaries
from ingest.analytics.summaries import Summary, read_summary, summarise
from ingest.broker import connection
from ingest.broker.admission import get_admission
from ingest.broker.publish import SAVE
from ingest.core.posts import publication_id
from ingest.store import open_store
from ingest.store.base import Publication, Store
from ingest.tasks import summarise_publication
from tests.support.factories import entity, with_entities

pytestmark = pytest.mark.usefixtures("empty_broker", "sql_store")

PUB_ID = publication_id("The Gazette")


@pytest.fixture
def store() -> Store:
    """Return a store with one post, whose publication nobody has looked at."""
    cache.clear()
    store = open_store()
    store.add([with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")])])
    return store


def publication() -> Publication:
    found = open_store().publication_by_id(PUB_ID)
    assert found
    return found


def asked() -> int:
    """Return how many summaries are asked for."""
    waiting: Any = connection.redis_client().llen(SAVE)
    return int(waiting)


def test_a_summary_holds_the_words_and_the_families(store: Store) -> None:
    summarise_publication(PUB_ID)
    summary = Summary.of(publication())
    assert summary
    assert (summary.posts, summary.entities) == (1, 2)
    assert [(w.text, w.mentions) for w in summary.words] == [("Obama", 2), ("Oslo", 1)]
    assert [(x.family, x.mentions) for x in summary.families] == [("PERSON", 2), ("PLACE", 1)]


def test_a_summary_holds_the_words_by_posts_and_what_rises(store: Store) -> None:
    more = [with_entities(f"o{n}", [entity("Oslo", label="GPE")]) for n in range(9)]
    old = [
        with_entities(f"b{n}", published_at=datetime(2026, 3, 1 + n, tzinfo=UTC)) for n in range(9)
    ]
    store.add([*more, *old])
    summarise_publication(PUB_ID)
    summary = Summary.of(publication())
    assert summary
    assert [w.text for w in summary.words_by("mentions")] == ["Oslo", "Obama"]
    assert [(w.text, w.posts) for w in summary.words_by("posts")] == [("Oslo", 10), ("Obama", 1)]
    assert summary.trends
    assert [(t.text, t.posts, t.before) for t in summary.trends.rising] == [("Oslo", 10, 0)]


def test_what_is_missing_is_asked_for_once(store: Store) -> None:
    assert read_summary(publication()) is None
    assert read_summary(publication()) is None
    assert asked() == 1


def test_what_is_new_or_unchanged_is_not_asked_for(store: Store) -> None:
    summarise(store, PUB_ID)
    assert read_summary(publication())
    store.add([with_entities("2")])
    assert read_summary(publication())
    assert asked() == 0


def test_what_is_old_and_has_changed_is_shown_and_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "MAX_AGE", timedelta(0))
    summarise(store, PUB_ID)
    assert read_summary(publication())
    assert asked() == 0
    store.add([with_entities("2")])
    assert read_summary(publication())
    assert asked() == 1


def test_a_closed_gate_stays_empty(store: Store) -> None:
    get_admission().pause("operator")
    assert read_summary(publication()) is None
    assert get_admission().backlog().drained


def test_a_publication_that_is_gone_has_none(store: Store) -> None:
    summarise(store, "0" * 32)


def test_what_another_version_kept_is_made_again(store: Store) -> None:
    store.keep_summary(PUB_ID, f'{{"version": 2, "made_at": "{datetime.now(UTC)}"}}')
    assert read_summary(publication()) is None
    assert asked() == 1
