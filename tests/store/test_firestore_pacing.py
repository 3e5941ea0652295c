"""How fast commits to Firestore follow each other, by a clock of the test's own."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions as google
from prometheus_client import REGISTRY

from ingest.core.counts import Counts, EntityCounts
from ingest.store.base import StoreUnavailable
from ingest.store.firestore import pacing
from ingest.store.firestore.commit import Commit
from ingest.store.firestore.pacing import CommitDistance, RampUp
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import NOON, entity, with_entities
from tests.support.stores import is_of_names, mentions


class Clock:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the number of writes of each commit of posts, as they are made."""
    send, sizes = Commit.send, []

    def note(commit: Commit, **limits: Any) -> Any:
        if not is_of_names(commit):
            sizes.append(len(commit))
        return send(commit, **limits)

    monkeypatch.setattr(Commit, "send", note)
    return sizes


def test_ten_posts_a_second_need_about_one_commit_a_second(
    firestore: FirestoreStore, clock: Clock, commits: list[int]
) -> None:
    firestore._writer._distance = CommitDistance(1, clock=clock, sleep=clock.sleep)
    began, saved = clock.now, 0
    while clock.now < began + 60:
        # The posts that arrived while the last commit waited.
        arrived = int((clock.now - began) * 10) + 1
        posts = [with_entities(str(n), [entity("Obama")]) for n in range(saved, arrived)]
        firestore.add(posts)
        saved = arrived
        clock.now += 0.02
    assert 58 <= len(commits) <= 62
    assert mentions(firestore, "The Gazette") == {"obama": (saved, saved)}


def test_a_publication_does_not_wait_for_another(clock: Clock) -> None:
    distance = CommitDistance(1, clock=clock, sleep=clock.sleep)
    for pub_id in "abcdef":
        distance.wait(pub_id)
        distance.note_commit(pub_id)
    assert clock.now == 1000


def commits_so_far(outcome: str) -> float:
    """Return how many commits of this process ended so."""
    labels = {"outcome": outcome}
    return REGISTRY.get_sample_value("ingest_store_commits_total", labels) or 0


def test_contention_is_repeated_at_once_and_keeps_commits_apart(
    firestore: FirestoreStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    firestore._writer._distance = CommitDistance(0, clock=clock, sleep=clock.sleep)
    firestore.add([with_entities("0", [entity("Obama")])])
    before = {outcome: commits_so_far(outcome) for outcome in ("contention", "failed")}
    send = Commit.send
    aborted: list[float] = []

    def contend(commit: Commit, **limits: Any) -> Any:
        if len(aborted) < 3:
            aborted.append(clock.now)
            raise google.Aborted("contention")
        return send(commit, **limits)

    monkeypatch.setattr(Commit, "send", contend)
    assert firestore.add([with_entities("1", [entity("Obama")])]) == 1
    assert len(aborted) == 3
    # An alert counts those that failed.
    assert commits_so_far("contention") == before["contention"] + 3
    assert commits_so_far("failed") == before["failed"]
    after = clock.now
    firestore.add([with_entities("2", [entity("Obama")])])
    assert clock.now - after >= pacing.CONTENTION_SECONDS
    assert mentions(firestore, "The Gazette") == {"obama": (3, 3)}


def test_a_distance_grows_with_contention_and_shrinks_again(clock: Clock) -> None:
    distance = CommitDistance(1, clock=clock, sleep=clock.sleep)

    def wait() -> float:
        distance.note_commit("a")
        began = clock.now
        distance.wait("a")
        return clock.now - began

    assert wait() == 1
    for _ in range(9):
        distance.note_contention("a")
    assert wait() == pytest.approx(pacing.MAX_SECONDS * pacing.SHRINK_FACTOR)
    waits = [wait() for _ in range(20)]
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] == 1


def test_contention_without_end_is_an_unavailable_store(
    firestore: FirestoreStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    firestore._writer._distance = CommitDistance(0, clock=clock, sleep=clock.sleep)

    def contend(commit: Commit, **limits: object) -> None:
        raise google.Aborted("contention")

    monkeypatch.setattr(Commit, "send", contend)
    with pytest.raises(StoreUnavailable, match="faster"):
        firestore.add([with_entities("1")])


def test_the_load_on_a_new_database_grows_every_five_minutes(clock: Clock) -> None:
    ramp = RampUp(500, started_at=clock.now, clock=clock, sleep=clock.sleep)
    began, written = clock.now, Counter[int]()
    while clock.now < began + 900:
        ramp.wait(100)
        written[int((clock.now - began) // 300)] += 100
    rates = [round(written[step] / 300) for step in range(3)]
    assert rates == [
        pytest.approx(500, abs=2),
        pytest.approx(750, abs=2),
        pytest.approx(1125, abs=2),
    ]
    old = RampUp(1, started_at=clock.now - 100 * 300, clock=clock, sleep=clock.sleep)
    before = clock.now
    for _ in range(10):
        old.wait(10_000)
    assert clock.now == before


def test_every_process_knows_when_the_first_write_was(firestore: FirestoreStore) -> None:
    firestore._writer._ramp_writes = 10_000
    firestore.add([with_entities("1")])
    first = firestore._writer._ramp._started_at
    assert abs(first - datetime.now(UTC).timestamp()) < 60
    del firestore._writer._ramp
    firestore.add([with_entities("2")])
    assert firestore._writer._ramp._started_at == first


def test_no_commit_has_more_transforms_than_firestore_accepts(
    firestore: FirestoreStore, commits: list[int]
) -> None:
    """The emulator accepts more, so our own check divides the posts."""
    days = [NOON - timedelta(days=n) for n in range(300)]
    posts = [
        with_entities(str(n), [entity("Obama")], published_at=day) for n, day in enumerate(days)
    ]
    firestore._writer._commit_posts = 300
    assert firestore.add(posts) == 300
    # Two sums, a form, a label, and two for each day: 300 days at once would be 604.
    assert commits[1:] == [152, 152]  # after the name of the publication
    assert not firestore.recount("The Gazette").diff


def test_three_years_of_days_are_repaired_in_parts(
    firestore: FirestoreStore, commits: list[int]
) -> None:
    days = Counter({(NOON - timedelta(days=n)).date().isoformat(): 1 for n in range(1095)})
    wrong = EntityCounts(1095, 1095, days, Counter(Obama=1095), Counter(PERSON=1095), days)
    firestore.add([with_entities("1", [entity("Obama")])])
    firestore.repair("The Gazette", Counts(1095, days, {("PERSON", "obama"): wrong}))
    assert len(commits[2:]) == 3 + 5  # parts of the days of posts, and of the entity
    diff = firestore.recount("The Gazette").diff
    assert diff == -Counts(1095, days, {("PERSON", "obama"): wrong})
    firestore.repair("The Gazette", diff)
    assert not firestore.recount("The Gazette").diff
