"""Trends state their samples, and noise is none."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from ingest.analytics.trends import Trend, TrendQuery, Trends, read_trends, trend_score
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.store.base import Store
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import entity, with_entities

GAZETTE = "The Gazette"
START = datetime(2026, 1, 1, 9, tzinfo=UTC)
# Forty days with two posts each: the last ten are recent.
RECENT = range(30, 40)


def posts() -> list[PostEntities]:
    """Return posts of names that rise, fall, stay, are new, or are mentioned too seldom."""
    found = []
    for day in range(40):
        is_recent = day in RECENT
        names = {
            "Always": True,
            "Rises": is_recent or day % 6 == 0,
            "Falls": not is_recent,
            "New": is_recent,
            "Twice": day in (38, 39),
        }
        entities = [entity(text, 3) for text, mentioned in names.items() if mentioned]
        at = START + timedelta(days=day)
        found += [
            with_entities(f"{day}", entities, published_at=at),
            with_entities(f"{day} again", entities[:1], published_at=at),
        ]
    return found


def trends_of(store: Store, **parameters: object) -> Trends:
    publication = store.publication(GAZETTE)
    assert publication
    return read_trends(store, publication, TrendQuery.model_validate(parameters))


def texts(trends: tuple[Trend, ...]) -> list[str]:
    return [trend.text for trend in trends]


def test_names_rise_and_fall_by_their_share_of_posts(store: Store) -> None:
    store.add(posts())
    trends = trends_of(store, since="2026-01-31", until="2026-02-09")
    assert (trends.recent.posts, trends.baseline.posts) == (20, 60)
    assert (trends.baseline.since, trends.baseline.until) == ("2026-01-01", "2026-01-30")
    assert texts(trends.rising) == ["New", "Rises"]
    assert texts(trends.falling) == ["Falls"]
    new, rises = trends.rising
    assert (new.posts, new.before, new.is_new) == (10, 0, True)
    assert (rises.posts, rises.before, rises.is_new) == (10, 5, False)
    assert (rises.share, round(rises.share_before, 4)) == (0.5, 0.0833)
    assert trends.considered == 4
    assert trends.is_exact


def test_trends_of_one_family_and_only_the_first(store: Store) -> None:
    store.add(posts())
    days = {"since": "2026-01-31", "until": "2026-02-09"}
    assert texts(trends_of(store, limit=1, **days).rising) == ["New"]
    assert trends_of(store, family="PLACE", **days).rising == ()


def test_another_baseline_is_another_sample(store: Store) -> None:
    store.add(posts())
    trends = trends_of(store, since="2026-01-31", until="2026-02-09", baseline="2026-01-21")
    assert (trends.baseline.since, trends.baseline.posts) == ("2026-01-21", 20)
    assert texts(trends.falling) == ["Falls"]


def test_without_dates_the_last_thirty_days_are_recent(store: Store) -> None:
    store.add(posts())
    trends = trends_of(store)
    assert (trends.recent.since, trends.recent.until) == ("2026-01-11", "2026-02-09")
    assert (trends.baseline.since, trends.baseline.until) == ("2025-10-13", "2026-01-10")


def test_nothing_is_a_trend_without_a_baseline(store: Store) -> None:
    store.add(posts())
    trends = trends_of(store, since="2026-01-01")
    assert trends.baseline.posts == 0
    assert trends.rising == trends.falling == ()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_have_trends(store: Store, day: str) -> None:
    at = datetime.fromisoformat(f"{day}T00:00Z")
    store.add([with_entities("1", [entity("Odin")], published_at=at)])
    assert trends_of(store).rising == ()


def test_firestore_finds_a_new_name_among_the_newest_posts(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store.firestore.reader.CONSIDERED_ENTITIES", 1)
    firestore.add(posts())
    trends = trends_of(firestore, since="2026-01-31", until="2026-02-09")
    assert texts(trends.rising) == ["New", "Rises"]
    assert trends.falling == ()  # Always is the only one in so many posts of all days
    assert not trends.is_exact


def test_a_deleted_post_is_in_no_sample(store: Store) -> None:
    store.add(posts())
    for post in posts()[60:]:
        store.remove(post.post_id, at=post.accepted_at + timedelta(days=1))
    trends = trends_of(store, since="2026-01-31", until="2026-02-09")
    assert (trends.recent.posts, trends.considered) == (0, 3)
    found = store.posts_within(GAZETTE, TrendQuery(since="2026-01-31").windows(None), least=1)
    assert found.posts[entity_id("PERSON", "falls")] == (0, 30)
    assert entity_id("PERSON", "new") not in found.posts


def test_the_score_is_the_difference_of_shares_over_its_standard_error() -> None:
    # 0.5 - 0.0833 over the square root of 0.1875 * 0.8125 * (1/20 + 1/60)
    assert trend_score(10, 20, 5, 60) == pytest.approx(4.1344, abs=1e-3)
    assert trend_score(5, 60, 10, 20) == pytest.approx(-4.1344, abs=1e-3)
    assert trend_score(20, 20, 60, 60) == 0
    assert trend_score(5, 5, 0, 0) == trend_score(0, 0, 5, 5) == 0


@pytest.mark.parametrize(
    "parameters",
    [
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"since": "2026-02-01", "baseline": "2026-02-01"},
        {"baseline": "2026-02-01"},
        {"until": "0001-01-01"},
        {"days": "7"},
    ],
)
def test_windows_that_make_no_sense_are_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TrendQuery.model_validate(parameters)
