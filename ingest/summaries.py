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

from ingest import pipeline
from ingest.broker import BrokerUnavailable
from ingest.gate import GateClosed, the_gate
from ingest.leading import KEPT, Leading
from ingest.store import Publication, Reading

logger = get_logger()

# A summary is made again when it is older than this and the counts have changed since.
LASTS = timedelta(minutes=2)

# A process asks for a summary once in this time, however many look at the page.
ASKED = 30  # seconds

WORDS = 60  # in a word cloud


class Word(BaseModel):
    """An entity in the word cloud."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    label: str
    mentions: int


class FamilySum(BaseModel):
    """What the entities of one family add up to."""

    model_config = ConfigDict(frozen=True)

    family: str
    entities: int
    mentions: int


class Summary(BaseModel):
    """A publication at a glance, at some moment; `posts` is how many it is of."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    made_at: AwareDatetime
    changed_at: AwareDatetime | None = None  # the last change of the counts that is in it
    posts: int
    families: tuple[FamilySum, ...]
    words: tuple[Word, ...]

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


def summarise(store: Reading, pub_id: str) -> None:
    """Make the summary of a publication, and keep it."""
    publication = store.publication_by_id(pub_id)
    if publication is None:
        return
    leading = store.entities(publication.name, limit=KEPT, moment=publication.moment)
    words = [
        Word(id=e.id, text=e.text, label=e.label, mentions=e.mentions) for e in leading[:WORDS]
    ]
    families = [
        FamilySum(family=sums.family, entities=sums.entities, mentions=sums.mentions)
        for sums in store.families(publication.name)
    ]
    summary = Summary(
        made_at=datetime.now(UTC),
        changed_at=publication.changed_at,
        posts=publication.posts,
        families=tuple(sorted(families, key=lambda sums: -sums.mentions)),
        words=tuple(words),
    )
    kept = Leading.at(publication, leading)
    store.keep_summary(
        pub_id,
        summary.model_dump_json(),
        leading=kept.model_dump_json() if kept else "",
        as_of=kept.changed_at if kept else None,
    )


def summary_of(publication: Publication) -> Summary | None:
    """Return what is kept of a publication, and ask for it anew where the counts have moved on."""
    ask_where_old(publication)
    return Summary.of(publication)


def ask_where_old(publication: Publication) -> None:
    """Ask for a summary where there is none, or where the counts have moved on."""
    summary = Summary.of(publication)
    if summary is None or _has_moved_on(summary, publication):
        _ask(publication.id)


def _has_moved_on(summary: Summary, publication: Publication) -> bool:
    old = datetime.now(UTC) - summary.made_at > LASTS
    return old and summary.changed_at != publication.changed_at


def _ask(pub_id: str) -> None:
    """Put the task on its way, unless that was done just now, or nothing may come in."""
    if not cache.add(f"summary:{pub_id}", True, ASKED):
        return
    try:
        with the_gate().passage() as producer:
            pipeline.ask_for_summary(pub_id, through=producer)
    except (GateClosed, BrokerUnavailable) as error:
        logger.info("no summary is asked for", why=str(error))
