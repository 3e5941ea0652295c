"""
What rises in a publication, by the measure of trends, in windows of whole days.

A rise is about a watch, a window, a publication and a name, and its event's id is made of these. So
a name is told once a window, however often a message is delivered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from ingest.analytics.trends import BASELINE_FACTOR, Sample, is_rising, trend_score
from ingest.core.chunks import chunks
from ingest.core.counts import name_of
from ingest.core.day_window import DayWindow
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.models import Event, Watch
from ingest.store.base import Publication, StoredEntity, StoreReader

IDS_AT_ONCE = 500  # of events and of names, in one query


class CountsOnce:
    """The counts of publications and names, each read once for the posts of a message."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._publications: dict[str, Publication | None] = {}
        self._entities: dict[tuple[str, str], StoredEntity | None] = {}

    def publication(self, name: str) -> Publication | None:
        """Return a publication with the posts of each day."""
        if name not in self._publications:
            self._publications[name] = self._store.publication(name)
        return self._publications[name]

    def entities(self, name: str, ids: list[str]) -> list[StoredEntity]:
        """Return those of these names that a publication has, with the posts of each day."""
        new = [id_ for id_ in ids if (name, id_) not in self._entities]
        for some in chunks(new, IDS_AT_ONCE):
            found = {entity.id: entity for entity in self._store.entities_by_id(name, some)}
            self._entities |= {(name, id_): found.get(id_) for id_ in some}
        return [entity for id_ in ids if (entity := self._entities[name, id_])]


@dataclass(frozen=True)
class Rise:
    """A name that a larger share of posts mentions than before, and the id of its event."""

    event_id: str
    entity: StoredEntity
    recent: Sample
    baseline: Sample
    posts: int
    before: int
    score: float

    @property
    def fields(self) -> dict[str, Any]:
        """What a message says of the rise: the score has two decimals."""
        return {
            "name": self.entity.text,
            "since": self.recent.since,
            "until": self.recent.until,
            "posts": self.posts,
            "of": self.recent.posts,
            "before": self.before,
            "of_before": self.baseline.posts,
            "score": round(self.score, 2),
        }


def find_rises(
    watch: Watch, post: PostEntities, counts: CountsOnce, *, only: str
) -> Iterator[Rise]:
    """
    Return the names of a post that a watch waits for and that rise, and are not told yet.

    `only` is the id that the watch's own name counts under; without a name, all are waited for. An
    archive makes nothing rise: the post must be accepted in the window of its day or beside it.
    """
    window = watch.days_of(post.day)
    accepted = watch.days_of(post.accepted_at.astimezone(UTC).date())
    publication = counts.publication(post.publication)
    samples = _samples(watch, window, publication) if publication else None
    if abs(accepted - window) > 1 or publication is None or samples is None:
        return
    untold = _untold(watch, post, window, only=only)
    recent, baseline = samples
    for entity in counts.entities(post.publication, list(untold)):
        posts = DayWindow(recent.since, recent.until).total(entity.post_days)
        before = DayWindow(baseline.since, baseline.until).total(entity.post_days)
        score = trend_score(posts, recent.posts, before, baseline.posts)
        if is_rising(posts, score):
            yield Rise(untold[entity.id], entity, recent, baseline, posts, before, score)


def _samples(watch: Watch, window: int, publication: Publication) -> tuple[Sample, Sample] | None:
    """Return the samples of a window and of the days before it; None at the calendar's ends."""
    first, days = window * watch.days, watch.days
    begin, end = first - BASELINE_FACTOR * days, first + days - 1
    if begin < 1 or end > date.max.toordinal():
        return None
    day = [date.fromordinal(number).isoformat() for number in (begin, first - 1, first, end)]
    recent, baseline = DayWindow(day[2], day[3]), DayWindow(day[0], day[1])
    return Sample.of(recent, publication), Sample.of(baseline, publication)


def _untold(watch: Watch, post: PostEntities, window: int, *, only: str) -> dict[str, str]:
    """Return the names whose rise has no event yet, and the id that each event has."""
    names = sorted({entity_id(*name_of(entity)) for entity in post.entities})
    about = ("rising", window, publication_id(post.publication))
    ids = {
        name: Event.id_of("watch", watch.pk, *about, name) for name in names if only in ("", name)
    }
    told: set[str] = set()
    for some in chunks(ids.values(), IDS_AT_ONCE):
        told.update(Event.objects.filter(pk__in=some).values_list("pk", flat=True))
    return {name: id_ for name, id_ in ids.items() if id_ not in told}
