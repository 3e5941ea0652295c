"""
What the pages show of a publication at a glance: kept beside its counts, made by a task.

A page never waits for it. It shows what was made last, says of when that is, and asks for a newer
one where the counts have moved on; the task that makes it stands on the savers' queue.
"""

from datetime import UTC, datetime, timedelta
from typing import Self

from django.core.cache import cache
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from structlog import get_logger

from ingest.analytics.top_entities import TOP_SIZE, TopEntities
from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import IntakePaused
from ingest.broker.connection import BrokerUnavailable
from ingest.store.base import EntityFilter, FamilyCounts, Publication, StoreReader

logger = get_logger()

# A summary is made again when it is older than this and the counts have changed since.
MAX_AGE = timedelta(minutes=2)

# A process asks for a summary once in this time, however many look at the page.
DEBOUNCE_SECONDS = 30  # seconds

CLOUD_SIZE = 60  # in a word cloud


class CloudWord(BaseModel):
    """An entity in the word cloud."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    label: str
    mentions: int


class Summary(BaseModel):
    """A publication at a glance, at some moment; `posts` is how many it is of."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    made_at: AwareDatetime
    changed_at: AwareDatetime | None = None  # the last change of the counts that is in it
    posts: int
    families: tuple[FamilyCounts, ...]
    words: tuple[CloudWord, ...]

    @classmethod
    def of(cls, publication: Publication) -> Self | None:
        """Read the summary that is kept of a publication; what another version kept is none."""
        try:
            return cls.model_validate_json(publication.summary) if publication.summary else None
        except ValidationError:
            return None

    @property
    def entities(self) -> int:
        """How many entities the publication mentions."""
        return sum(family.entities for family in self.families)


def summarise(store: StoreReader, pub_id: str) -> None:
    """Make the summary of a publication, and keep it."""
    publication = store.publication_by_id(pub_id)
    if publication is None:
        return
    top = store.entities(
        publication.name, EntityFilter(limit=TOP_SIZE, as_of=publication.read_time)
    )
    words = [
        CloudWord(id=e.id, text=e.text, label=e.label, mentions=e.mentions)
        for e in top[:CLOUD_SIZE]
    ]
    summary = Summary(
        made_at=datetime.now(UTC),
        changed_at=publication.changed_at,
        posts=publication.posts,
        families=tuple(sorted(store.families(publication.name), key=lambda sums: -sums.mentions)),
        words=tuple(words),
    )
    kept = TopEntities.at(publication, top)
    store.keep_summary(
        pub_id,
        summary.model_dump_json(),
        top_entities=kept.to_json() if kept else "",
        as_of=kept.changed_at if kept else None,
    )


def read_summary(publication: Publication) -> Summary | None:
    """Return what is kept of a publication, and ask for it anew where the counts have moved on."""
    request_if_stale(publication)
    return Summary.of(publication)


def request_if_stale(publication: Publication) -> None:
    """Ask for a summary where there is none, or where the counts have moved on."""
    summary = Summary.of(publication)
    if summary is None or _has_moved_on(summary, publication):
        _request(publication.id)


def _has_moved_on(summary: Summary, publication: Publication) -> bool:
    old = datetime.now(UTC) - summary.made_at > MAX_AGE
    return old and summary.changed_at != publication.changed_at


def _request(pub_id: str) -> None:
    """Put the task on its way, unless that was done just now, or nothing may come in."""
    if not cache.add(f"summary:{pub_id}", True, DEBOUNCE_SECONDS):
        return
    try:
        with get_admission().admit() as producer:
            publish.enqueue_summary(pub_id, through=producer)
    except (IntakePaused, BrokerUnavailable) as error:
        logger.info("no summary is asked for", why=str(error))
