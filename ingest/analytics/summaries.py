"""
The summary of a publication: what the pages show at a glance.

A save worker computes it, and the store keeps it beside the counts. A page never waits for it. The
page shows the newest summary with its time, and enqueues a task if the counts have changed since.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from django.core.cache import cache
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from structlog import get_logger

from ingest.analytics.top_entities import TOP_SIZE, TopEntities
from ingest.analytics.trends import TrendQuery, Trends, read_trends
from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import IntakePaused
from ingest.broker.connection import BrokerUnavailable
from ingest.core.day_window import DayWindow
from ingest.store.base import (
    Cursor,
    EntityFilter,
    FamilyCounts,
    Order,
    Publication,
    Store,
    StoredEntity,
    StoreReader,
)

logger = get_logger()

# A summary is stale when it is older than this and the counts have changed since.
MAX_AGE = timedelta(minutes=2)

# A process requests a publication's summary once in this time, however many people look.
DEBOUNCE_SECONDS = 30

# Steps that prepare windows in one task; in SQL they take a few seconds.
STEPS_AT_ONCE = 400

CLOUD_SIZE = 60  # words
SUMMARY_TRENDS = 5  # that rise, and as many that fall

# A window's kinds and cloud are those of so many names.
WINDOW_NAMES = 500


class CloudWord(BaseModel):
    """An entity in the word cloud."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    label: str
    mentions: int
    posts: int = 0  # older summaries do not have it

    @classmethod
    def of(cls, entity: StoredEntity) -> Self:
        """Return an entity as a word."""
        fields = {name: getattr(entity, name) for name in cls.model_fields}
        return cls(**fields)


class Summary(BaseModel):
    """A publication at a glance, as of a time; `posts` is its sample."""

    model_config = ConfigDict(frozen=True)

    version: Literal[2] = 2
    made_at: AwareDatetime
    changed_at: AwareDatetime | None = None  # the last change of the counts that is in it
    unprepared: int = 0  # steps that windows still lack
    posts: int
    families: tuple[FamilyCounts, ...]
    words: tuple[CloudWord, ...]
    words_by_posts: tuple[CloudWord, ...] = ()
    trends: Trends | None = None

    def words_by(self, order: Order) -> tuple[CloudWord, ...]:
        """Return the words with most mentions, or those in most posts."""
        return self.words_by_posts if order == "posts" else self.words

    @classmethod
    def of(cls, publication: Publication) -> Self | None:
        """Read a publication's summary; one that another version of the code wrote is none."""
        try:
            return cls.model_validate_json(publication.summary) if publication.summary else None
        except ValidationError:
            return None

    @property
    def entities(self) -> int:
        """How many entities the publication mentions."""
        return sum(family.entities for family in self.families)


def summarise(store: Store, pub_id: str) -> None:
    """Prepare the windows of a publication, then compute its summary and store it."""
    unprepared = store.prepare_windows(pub_id, limit=STEPS_AT_ONCE)
    publication = store.publication_by_id(pub_id)
    if publication is None:
        return
    as_of = publication.read_time
    top = store.entities(publication.name, EntityFilter(limit=TOP_SIZE, as_of=as_of))
    by_posts = EntityFilter[Cursor](limit=CLOUD_SIZE, as_of=as_of, order="posts")
    summary = Summary(
        made_at=datetime.now(UTC),
        changed_at=publication.changed_at,
        unprepared=unprepared,
        posts=publication.posts,
        families=tuple(sorted(store.families(publication.name), key=lambda sums: -sums.mentions)),
        words=tuple(map(CloudWord.of, top[:CLOUD_SIZE])),
        words_by_posts=tuple(map(CloudWord.of, store.entities(publication.name, by_posts))),
        trends=read_trends(store, publication, TrendQuery(limit=SUMMARY_TRENDS)),
    )
    kept = TopEntities.at(publication, top)
    store.keep_summary(
        pub_id,
        summary.model_dump_json(),
        top_entities=kept.to_json() if kept else "",
        as_of=kept.changed_at if kept else None,
    )


def summarise_window(
    store: StoreReader, publication: Publication, window: DayWindow, order: Order
) -> Summary:
    """Summarise the days of a window, from the first names in an order."""
    wanted = EntityFilter[Cursor](limit=WINDOW_NAMES, order=order)
    names = store.entities_within(publication.name, window, wanted).entities
    words = tuple(map(CloudWord.of, names[:CLOUD_SIZE]))
    return Summary(
        made_at=datetime.now(UTC),
        posts=window.total(publication.days),
        families=_families(names),
        words=words if order == "mentions" else (),
        words_by_posts=words if order == "posts" else (),
    )


def _families(names: Iterable[StoredEntity]) -> tuple[FamilyCounts, ...]:
    """Add up names by family, the family with most mentions first."""
    sums: dict[str, list[int]] = defaultdict(list)
    for name in names:
        sums[name.family].append(name.mentions)
    families = (FamilyCounts(family, len(own), sum(own)) for family, own in sums.items())
    return tuple(sorted(families, key=lambda sums: -sums.mentions))


def read_summary(publication: Publication) -> Summary | None:
    """Return a publication's summary, and request a new one if it is stale."""
    request_if_stale(publication)
    return Summary.of(publication)


def request_if_stale(publication: Publication) -> None:
    """Request a summary if there is none, or if it is stale."""
    summary = Summary.of(publication)
    if summary is None or _is_stale(summary, publication):
        _request(publication.id)


def _is_stale(summary: Summary, publication: Publication) -> bool:
    old = datetime.now(UTC) - summary.made_at > MAX_AGE
    is_whole = summary.changed_at == publication.changed_at and not summary.unprepared
    return old and not is_whole


def _request(pub_id: str) -> None:
    """Enqueue the task, unless this process did so just now or the intake is paused."""
    if not cache.add(f"summary:{pub_id}", True, DEBOUNCE_SECONDS):
        return
    try:
        with get_admission().admit() as producer:
            publish.enqueue_summary(pub_id, through=producer)
    except (IntakePaused, BrokerUnavailable) as error:
        logger.info("summary not requested", why=str(error))
