"""Trends: the entities that a larger, or a smaller, share of posts mentions than before."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingest.analytics.entity_list import DEFAULT_LIMIT, MAX_LIMIT, Day, Family
from ingest.core.chunks import chunks
from ingest.core.day_window import DayWindow, move_day, number_of_days
from ingest.store.base import Publication, StoredEntity, StoreReader

# Fewer posts are no trend, so that a name in two posts after none is left out.
LEAST_POSTS = 5
# Chance alone makes a smaller score for about one name in twenty.
LEAST_SCORE = 2.0
# Without dates the last days are compared with three times as many days before them.
DEFAULT_DAYS, BASELINE_FACTOR = 30, 3
# The second day that there is: the baseline needs a day before it.
EARLIEST_DAY = "0001-01-02"


class TrendQuery(BaseModel):
    """
    The parameters of trends; unknown ones are refused.

    `baseline` is the first day of the baseline, which ends on the day before `since`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Day | None = None
    until: Day | None = None
    baseline: Day | None = None
    family: Family | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError("since is after until")
        if min(filter(None, (self.since, self.until, EARLIEST_DAY))) < EARLIEST_DAY:
            raise ValueError(f"no day is before {EARLIEST_DAY}")
        if self.baseline and not self.since:
            raise ValueError("baseline needs since")
        if self.since and self.baseline and self.baseline >= self.since:
            raise ValueError("baseline is not before since")
        return self

    def windows(self, last_day: str | None) -> tuple[DayWindow, DayWindow]:
        """Return the recent window and its baseline, for a publication with this last day."""
        last = last_day or datetime.now(UTC).date().isoformat()
        until = self.until or max(self.since or EARLIEST_DAY, last)
        since = self.since or max(move_day(until, 1 - DEFAULT_DAYS), EARLIEST_DAY)
        before = BASELINE_FACTOR * number_of_days(since, until)
        baseline = self.baseline or move_day(since, -before)
        return DayWindow(since, until), DayWindow(baseline, move_day(since, -1))


@dataclass(frozen=True)
class Sample:
    """A window of days, and how many posts of a publication count for it."""

    since: str
    until: str
    posts: int

    @classmethod
    def of(cls, window: DayWindow, publication: Publication) -> Self:
        """Return the sample of a window with both its days."""
        assert window.since
        assert window.until
        return cls(window.since, window.until, window.total(publication.days))


@dataclass(frozen=True)
class Trend:
    """
    An entity whose share of posts has changed.

    Args:
        posts: how many posts of the recent sample mention it.
        before: how many posts of the baseline do.
        score: the difference of the shares over its standard error.
        is_new: whether no earlier post mentions it.
    """

    id: str
    family: str
    key: str
    label: str
    text: str
    posts: int
    before: int
    share: float
    share_before: float
    score: float
    is_new: bool


@dataclass(frozen=True)
class Trends:
    """
    What rises and falls in a publication: each list has the strongest trend first.

    Args:
        considered: how many entities have enough posts in one of the samples.
        is_exact: whether no entity could be missing.
    """

    recent: Sample
    baseline: Sample
    considered: int
    is_exact: bool
    rising: tuple[Trend, ...]
    falling: tuple[Trend, ...]


def read_trends(store: StoreReader, publication: Publication, query: TrendQuery) -> Trends:
    """Compare the posts of a recent window with those of a baseline before it."""
    windows = query.windows(publication.last_day)
    recent, baseline = (Sample.of(window, publication) for window in windows)

    def score(posts: int, before: int) -> float:
        return trend_score(posts, recent.posts, before, baseline.posts)

    def is_trend(posts: int, before: int) -> bool:
        return abs(score(posts, before)) >= LEAST_SCORE

    counted = store.posts_within(publication.name, windows, least=LEAST_POSTS, wanted=is_trend)
    scores = {id_: score(*both) for id_, both in counted.posts.items()}
    rising = [i for i, (posts, _) in counted.posts.items() if is_rising(posts, scores[i])]
    falling = [i for i, (_, before) in counted.posts.items() if before >= LEAST_POSTS]
    trends = _Trends(store, publication, query, (recent, baseline), counted.posts, scores)
    return Trends(
        recent,
        baseline,
        considered=counted.considered,
        is_exact=counted.is_exact,
        rising=trends.first(rising),
        falling=trends.first(id_ for id_ in falling if scores[id_] < 0),
    )


def is_rising(posts: int, score: float) -> bool:
    """Return whether an entity rises, by its posts in the recent sample and its score."""
    return posts >= LEAST_POSTS and score >= LEAST_SCORE


def trend_score(posts: int, of: int, before: int, of_before: int) -> float:
    """
    Return the difference of two shares of posts over its standard error, 0 if a sample is empty.

    This is the z of the two-proportion test: above 2, chance is an unlikely cause.
    """
    if not of or not of_before:
        return 0.0
    both = (posts + before) / (of + of_before)
    error = math.sqrt(both * (1 - both) * (1 / of + 1 / of_before))
    return (posts / of - before / of_before) / error if error else 0.0


def trend_fields(publication: Publication, trends: Trends) -> dict[str, Any]:
    """Return what the API says of trends: shares have four decimals, scores two."""
    return {
        "publication": publication.name,
        "recent": asdict(trends.recent),
        "baseline": asdict(trends.baseline),
        "least_posts": LEAST_POSTS,
        "least_score": LEAST_SCORE,
        "considered": trends.considered,
        "is_exact": trends.is_exact,
        "rising": list(map(_fields, trends.rising)),
        "falling": list(map(_fields, trends.falling)),
    }


def _fields(trend: Trend) -> dict[str, Any]:
    shares = {name: round(getattr(trend, name), 4) for name in ("share", "share_before")}
    return asdict(trend) | shares | {"score": round(trend.score, 2)}


@dataclass(frozen=True)
class _Trends:
    """What is known of every candidate; the entities themselves are read as far as a list goes."""

    store: StoreReader
    publication: Publication
    query: TrendQuery
    samples: tuple[Sample, Sample]
    posts: Mapping[str, tuple[int, int]]
    scores: Mapping[str, float]

    def first(self, ids: Iterable[str]) -> tuple[Trend, ...]:
        """Return the strongest trends of entities, those of the family that is wanted."""
        strongest = sorted(ids, key=lambda id_: (-abs(self.scores[id_]), id_))
        return tuple(islice(self._trends(strongest), self.query.limit))

    def _trends(self, ids: Iterable[str]) -> Iterator[Trend]:
        for chunk in chunks(ids, self.query.limit):
            found = {e.id: e for e in self.store.entities_by_id(self.publication.name, chunk)}
            for entity in (found[id_] for id_ in chunk if id_ in found):
                if self.query.family in (None, entity.family):
                    yield self._trend(entity)

    def _trend(self, entity: StoredEntity) -> Trend:
        recent, baseline = self.samples
        posts, before = self.posts[entity.id]
        return Trend(
            entity.id,
            entity.family,
            entity.key,
            entity.label,
            entity.text,
            posts,
            before,
            share=posts / recent.posts,
            share_before=before / baseline.posts,
            score=self.scores[entity.id],
            is_new=min(entity.days, default="") >= recent.since,
        )
