"""Packs of the store in SQL: a window is exact, whichever of its days have one."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from unittest.mock import Mock

import numpy as np
import pytest
from django.utils import timezone

from ingest.core.counts import Counts, EntityCounts
from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.store.base import Cursor, EntityFilter, Order
from ingest.store.sql import counters, packs
from ingest.store.sql.models import PackRow, PublicationRow
from ingest.store.sql.store import SqlStore
from tests.support.factories import NOON, entity, with_entities

GAZETTE = "The Gazette"
LABELS = ("PERSON", "GPE")
PART_OF_MARCH = (("2026-03", 1), ("2026-03-01", -1))
THREE_DAYS = (("2026-03-30", 1), ("2026-04-01", 1))
LATER = NOON + timedelta(minutes=1)
FIRST_DAY = datetime(2026, 3, 20, 9, tzinfo=UTC)
WINDOWS = (
    EVERY_DAY,
    DayWindow("2026-03-25", "2026-03-26"),
    DayWindow("2026-03-25", "2026-05-03"),
    DayWindow("2026-04-01", "2026-04-30"),
    DayWindow(until="2026-04-15"),
)


@pytest.fixture
def paper(sql: SqlStore, monkeypatch: pytest.MonkeyPatch) -> SqlStore:
    """Return a store with posts on 50 days, which takes packs of the smallest days."""
    monkeypatch.setattr(packs, "LEAST_POSTS", 1)
    chance, posts = random.Random(1), []
    for number in range(100):
        numbers = {int(chance.paretovariate(0.5)) % 40 for _ in range(6)}
        some = [entity(f"Name {n}", chance.randint(1, 3), label=LABELS[n % 2]) for n in numbers]
        posts.append(with_entities(str(number), some, published_at=on(number % 50)))
    sql.add(posts)
    return sql


def on(day: int) -> datetime:
    return FIRST_DAY + timedelta(days=day)


def prepare(store: SqlStore, limit: int = 99) -> int:
    return store.prepare_windows(publication_id(GAZETTE), limit=limit)


def periods() -> list[str]:
    return list(PackRow.objects.order_by("period").values_list("period", flat=True))


def ranked(
    store: SqlStore,
    window: DayWindow,
    order: Order = "mentions",
    family: str | None = None,
    prefix: str = "",
) -> list[tuple[int, int, str]]:
    """Return the mentions, posts and keys of a list within days, three a page."""
    found: list[tuple[int, int, str]] = []
    after = None
    while page := store.entities_within(
        GAZETTE,
        window,
        EntityFilter(limit=3, after=after, family=family, order=order),
        prefix=prefix,
    ).entities:
        found += [(e.mentions, e.posts, e.key) for e in page]
        after = Cursor(getattr(page[-1], order), page[-1].id)
    return found


def counted(posts: list[PostEntities], window: DayWindow) -> dict[str, tuple[int, int]]:
    """Return the mentions and posts of each key within days, counted from the posts."""
    mentions: Counter[str] = Counter()
    mentioning: Counter[str] = Counter()
    for post in posts:
        if post.day.isoformat() in window:
            sums = Counter({e.key: e.mentions for e in post.entities})
            mentions += sums
            mentioning += Counter(sums.keys())
    return {key: (mentions[key], mentioning[key]) for key in mentions}


def assert_exact(store: SqlStore) -> None:
    posts = store.posts(GAZETTE, limit=999)
    sums = {window: counted(posts, window) for window in WINDOWS}
    for window in WINDOWS:
        assert {k: (m, p) for m, p, k in ranked(store, window)} == sums[window]
    for both in pairwise(WINDOWS):
        found = store.posts_within(GAZETTE, both, least=1).posts
        keys = {e.id: e.key for e in store.entities_by_id(GAZETTE, found)}
        first, second = (Counter({k: p for k, (_, p) in sums[window].items()}) for window in both)
        assert {keys[id_]: posts for id_, posts in found.items()} == {
            key: (first[key], second[key]) for key in first | second
        }


def test_windows_are_exact_with_packs_with_some_and_without(paper: SqlStore) -> None:
    assert_exact(paper)
    assert prepare(paper, limit=20) == 35
    assert_exact(paper)
    assert prepare(paper) == 0
    assert len(periods()) == 50 + 3 + 1 + 1
    assert_exact(paper)


@pytest.mark.parametrize("few", [0, 5000])
@pytest.mark.parametrize("order", ["mentions", "posts"])
@pytest.mark.parametrize("family", [None, "PERSON"])
@pytest.mark.parametrize("prefix", ["", "name 1"])
def test_a_list_is_ranked_the_same_from_packs(
    paper: SqlStore,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    order: Order,
    family: str | None,
    prefix: str,
) -> None:
    monkeypatch.setattr("ingest.store.sql.ranking.FEW_ENTITIES", few)
    lists = [ranked(paper, window, order, family, prefix) for window in WINDOWS]
    assert all(lists)
    for found in lists:
        totals = [posts if order == "posts" else mentions for mentions, posts, _ in found]
        assert totals == sorted(totals, reverse=True)
        assert all(key.startswith(prefix) for *_, key in found)
    prepare(paper)
    assert [ranked(paper, window, order, family, prefix) for window in WINDOWS] == lists


def test_what_changes_a_day_deletes_its_packs(paper: SqlStore) -> None:
    prepare(paper)
    before = set(periods())
    moved = with_entities("7", [entity("Name 4", 9)], accepted_at=LATER, published_at=on(20))
    paper.add([moved])  # from the 27th of March to the 9th of April
    gone = {"2026-03-27", "2026-03", "2026-04-09", "2026-04", "2026", ""}
    assert before - set(periods()) == gone
    assert_exact(paper)

    prepare(paper)
    paper.remove(moved.post_id, at=LATER)
    assert before - set(periods()) == {"2026-04-09", "2026-04", "2026", ""}
    assert_exact(paper)


def test_a_repair_of_an_entity_alone_deletes_its_packs(paper: SqlStore) -> None:
    day = "2026-03-21"
    wrong = EntityCounts(4, 1, Counter({day: 4}), Counter({"N": 4}), Counter(), Counter({day: 1}))
    prepare(paper)
    paper.repair(GAZETTE, Counts(entities={("PERSON", "n"): wrong}))
    assert {k: (m, p) for m, p, k in ranked(paper, DayWindow(day, day))}["n"] == (4, 1)
    prepare(paper)
    paper.repair(GAZETTE, paper.recount(GAZETTE).diff)
    assert_exact(paper)
    prepare(paper)
    assert paper.drop_zeros(GAZETTE) == 1
    assert_exact(paper)


def test_only_large_days_and_months_have_packs(
    paper: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "LEAST_POSTS", 3)
    prepare(paper)
    assert periods() == ["", "2026", "2026-03", "2026-04", "2026-05"]
    assert_exact(paper)


def test_packs_that_an_older_version_left_untrue_are_not_read(
    paper: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(paper)
    with monkeypatch.context() as older:
        older.setattr(counters, "delete_packs", Mock())
        older.setattr(counters, "change_publications", set_time)
        paper.add([with_entities("7", [entity("Name 4", 9)], accepted_at=LATER)])
    assert_exact(paper)
    paper.add([with_entities("8", [entity("Name 6", 9)], accepted_at=LATER)])
    assert_exact(paper)
    prepare(paper, limit=1)
    assert len(periods()) == 1
    assert_exact(paper)


def test_a_pack_of_all_days_that_an_older_version_leaves_is_not_read(
    paper: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(paper)
    with monkeypatch.context() as older:
        older.setattr(packs, "LENGTHS", (4, 7, 10))  # of the packs that it deletes
        paper.add([with_entities("7", [entity("Name 4", 9)], accepted_at=LATER)])
    assert "" in periods()
    assert_exact(paper)
    assert prepare(paper) == 0
    assert_exact(paper)


def test_untrue_packs_are_written_again_where_none_is_missing(
    paper: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(paper)
    set_time(PublicationRow.objects.values_list("pk", flat=True))
    with_rows = Mock(wraps=packs._sum_days)
    monkeypatch.setattr(packs, "_sum_days", with_rows)
    assert prepare(paper) == 0
    assert with_rows.call_count > 0
    with_rows.reset_mock()
    ranked(paper, WINDOWS[2])
    assert {tuple(call.args[1]) for call in with_rows.call_args_list} == {()}


@pytest.mark.parametrize(
    ("window", "parts"),
    [
        (DayWindow("2025-03-02"), {("", 1), ("2025-03-01", -1)}),
        (DayWindow("2026-03-02"), {("2026", 1), ("2026-03-01", -1)}),
        (DayWindow("2026-03-01", "2026-04-30"), {("2026-03", 1), ("2026-04", 1)}),
        (DayWindow("2026-03-02", "2026-04-30"), {*PART_OF_MARCH, ("2026-04", 1)}),
        (DayWindow("2026-03-30", "2026-04-01"), {*THREE_DAYS}),
        (DayWindow("2027-01-01"), set()),
        (EVERY_DAY, {("", 1)}),
    ],
)
def test_a_window_reads_the_fewest_packs(window: DayWindow, parts: set[tuple[str, int]]) -> None:
    months = [f"{year}-{month}" for year in (2025, 2026) for month in ("03", "04", "05")]
    days = [f"{month}-{day:02}" for month in months for day in range(1, 31)]
    packed = {*days, *months, "2025", "2026", ""}
    wanted = {day for day in days if day in window}
    assert set(packs.fewest_parts("", days, wanted, packed)) == parts
    only_days = packs.fewest_parts("", days, wanted, set())
    assert only_days == [(day, 1) for day in days if day in wanted]


def set_time(numbers: Iterable[int]) -> None:
    """Do what 0.1.0 did to the rows of publications."""
    PublicationRow.objects.filter(pk__in=list(numbers)).update(changed_at=timezone.now())


def test_a_pack_holds_numbers_of_any_size() -> None:
    columns = ([3, 10**12], [-(2**31), 10**15], [0, 255])
    sums = packs.Sums(*(np.array(column) for column in columns))
    found = packs._unpacked(packs._packed(sums))
    assert tuple(column.tolist() for column in found) == columns
    none = packs.Sums(*[np.empty(0, np.int64)] * 3)
    assert [len(column) for column in packs._unpacked(packs._packed(none))] == [0, 0, 0]
