"""What a store promises, and the values that it returns."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from ingest.core.counts import Counts, EntityCounts, EntityName
from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.core.revisions import PostRecord


class StoreUnavailable(Exception):
    """The store did not answer, or not in time: the same call may succeed later."""


class StoreRefused(Exception):
    """The store will never accept this post."""


# What a list is ordered by.
Order = Literal["mentions", "posts"]

# The publications that a found name comes with at the most.
NAME_PUBLICATIONS = 5
# Firestore cannot sort by a range of days. So it ranks this many of the most mentioned entities.
CONSIDERED_ENTITIES = 1000

# No character of a name stands above it.
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class Publication:
    """
    A publication, the number of its posts, and how many count for each day.

    Args:
        summary: the newest summary for its pages, as text.
        read_time: when the store read all this; None where it cannot read a time again.
        changed_at: when its counts changed last.
        top_entities_as_of: the `changed_at` of the top entities that are kept.
    """

    id: str
    name: str
    posts: int
    days: Mapping[str, int]
    summary: str | None = None
    read_time: datetime | None = field(default=None, compare=False)
    changed_at: datetime | None = field(default=None, compare=False)
    top_entities_as_of: datetime | None = field(default=None, compare=False)

    @property
    def first_day(self) -> str | None:
        """The first day that a post counts for."""
        return min(self.days, default=None)

    @property
    def last_day(self) -> str | None:
        """The last day that a post counts for."""
        return max(self.days, default=None)


@dataclass(frozen=True)
class StoredEntity:
    """
    An entity of a publication: how often, and in how many posts, it is mentioned.

    It is counted under its family and key. Label and text are those of most of its mentions.
    """

    id: str
    family: str
    key: str
    label: str
    text: str
    mentions: int
    posts: int
    # Mentions and posts by day; a list leaves them out.
    days: Mapping[str, int] = field(default_factory=dict)
    post_days: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, name: EntityName, counts: EntityCounts) -> Self:
        """Return the entity of this name, as its counts have it."""
        id_, label, text = entity_id(*name), counts.label, counts.text
        days, post_days = counts.days, counts.post_days
        return cls(id_, *name, label, text, counts.mentions, counts.posts, days, post_days)


@dataclass(frozen=True)
class FamilyCounts:
    """How many entities of a publication are of a family, and how often those are mentioned."""

    family: str
    entities: int
    mentions: int


@dataclass(frozen=True)
class Recount:
    """What a publication's counters say, and what its posts say, at the same read time."""

    stored: Counts
    counted: Counts

    @property
    def diff(self) -> Counts:
        """What must be added to the counters to make them right; empty, if they are."""
        return self.counted - self.stored


class NameInPublication(NamedTuple):
    """How often, and in how many posts, a publication mentions a name."""

    id: str
    name: str
    mentions: int
    posts: int


@dataclass(frozen=True)
class FoundName:
    """A name that a search found: what it adds up to, and the publications that mention it most."""

    entity: StoredEntity
    publications: list[NameInPublication]


@dataclass(frozen=True, kw_only=True)
class NameFilter:
    """
    Which names a search finds.

    Args:
        words: each begins a word of the name, in the form of a key; the longest stands first.
        limit: how many names at the most.
        family: the only family that is searched.
        order: whether the names with most mentions or with most posts stand first.
        publications: the ids of the only publications that are searched and counted.
    """

    words: Sequence[str]
    limit: int
    family: str | None = None
    publications: Collection[str] | None = None
    order: Order = "mentions"


@dataclass(frozen=True)
class NameSearch:
    """
    The names that a search found.

    Args:
        considered: how many names were ranked.
        is_exact: whether these were all names that match.
    """

    names: list[FoundName]
    considered: int
    is_exact: bool


class Cursor(NamedTuple):
    """The last entity of a page that is ordered by mentions or by posts, and its sum."""

    total: int
    entity_id: str


class KeyCursor(NamedTuple):
    """The last entity of a page that is ordered by key."""

    key: str
    entity_id: str


C = TypeVar("C", Cursor, KeyCursor)

# It is called now and then with the number of posts that were read.
Progress = Callable[[int], object]


def no_progress(posts: int) -> None:
    """Tell nothing."""


@dataclass(frozen=True, kw_only=True)
class EntityFilter(Generic[C]):
    """
    Which entities of a publication a list holds.

    Args:
        limit: how many at the most.
        after: the last entity of the page before.
        family: the only family that is listed.
        as_of: the time that the list is read as of; None reads the present.
        days: whether each entity comes with its mentions and posts by day.
        order: whether the entities with most mentions or with most posts stand first.
        considered: how many entities are ranked within a window, by a store that cannot rank all.
    """

    limit: int
    after: C | None = None
    family: str | None = None
    as_of: datetime | None = None
    days: bool = False
    order: Order = "mentions"
    considered: int = CONSIDERED_ENTITIES


@dataclass(frozen=True)
class Ranking:
    """
    A page of entities ranked within a window; `mentions` and `posts` hold only those of its days.

    The first `exact_prefix` ranks are exact. An entity that was not considered counts at most as
    much in all as the last one that was.

    Args:
        considered: how many entities were ranked.
        is_exact: whether every rank is exact, and no entity is missing.
    """

    entities: list[StoredEntity]
    considered: int
    exact_prefix: int
    is_exact: bool


WantedPosts = Callable[[int, int], bool]


def any_posts(_first: int, _second: int) -> bool:
    """Want every entity, whatever its posts within two windows."""
    return True


@dataclass(frozen=True)
class PostsWithin:
    """
    How many posts mention each entity, by its id, within each of two windows.

    Args:
        considered: how many entities were counted, of which `posts` holds those that were wanted.
        is_exact: whether no entity of the windows could be missing.
    """

    posts: dict[str, tuple[int, int]]
    considered: int
    is_exact: bool


class PostCursor(NamedTuple):
    """The last post of a page that begins with the newest day."""

    day: str
    post_id: str


class StoreReader(Protocol):
    """
    What pages, the API and commands read of a store.

    A list that names an `as_of` time shows that time. So its pages neither repeat nor miss an
    entity, although posts are added meanwhile.
    """

    def at_one_time(self) -> AbstractContextManager[None]:
        """Read everything in a block as of one time, if the store has no `read_time`."""

    def publications(
        self, *, limit: int | None = None, after: str | None = None
    ) -> list[Publication]:
        """Return publications with posts by name, those after a name."""

    def publication(self, name: str) -> Publication | None:
        """Return the publication of this name, however it is written, or None."""

    def publication_by_id(self, pub_id: str) -> Publication | None:
        """Return the publication of this id, or None."""

    def entities(self, name: str, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        """Return a publication's entities, those with most mentions or posts first."""

    def entities_by_prefix(
        self, name: str, prefix: str, wanted: EntityFilter[KeyCursor]
    ) -> list[StoredEntity]:
        """Return the entities whose key begins with a prefix, in the order of their keys."""

    def entities_within(
        self, name: str, window: DayWindow, wanted: EntityFilter[Cursor], *, prefix: str = ""
    ) -> Ranking:
        """Rank the entities of a window of days, of those whose key begins with a prefix."""

    def posts_within(
        self,
        name: str,
        windows: tuple[DayWindow, DayWindow],
        *,
        least: int,
        wanted: WantedPosts = any_posts,
    ) -> PostsWithin:
        """
        Count the posts of entities that at least so many mention within one of two windows.

        Args:
            wanted: tells from an entity's posts within each window whether it is returned.
        """

    def entities_by_id(self, name: str, ids: Iterable[str]) -> list[StoredEntity]:
        """Return those of these entities that a publication has, with their days, in any order."""

    def entity_everywhere(
        self, entity_id: str, *, limit: int
    ) -> list[tuple[Publication, StoredEntity]]:
        """Return the publications that mention an entity most, and what it is in each."""

    def find_names(self, wanted: NameFilter) -> NameSearch:
        """Return the names of any publication that have the words of a search."""

    def posts_mentioning(
        self,
        entity_id: str,
        *,
        name: str | None = None,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        """
        Return the posts that mention an entity, of one publication or all, the newest first.

        Without `content`, the posts come without their texts.
        """

    def newest_posts(
        self,
        name: str,
        *,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        """Return the posts of a publication, as `posts_mentioning` does."""

    def posts_by_id(self, post_ids: Sequence[str]) -> list[PostEntities]:
        """Return those of these posts that are saved, in the order of their ids here."""

    def publication_names(self, *, limit: int, after: str | None = None) -> list[tuple[str, str]]:
        """Return the ids and names of publications by name, without their counts."""

    def families(self, name: str) -> list[FamilyCounts]:
        """Return what each family of a publication adds up to, by family."""

    def keep_summary(
        self, pub_id: str, text: str, *, top_entities: str = "", as_of: datetime | None = None
    ) -> None:
        """Keep the summary of a publication and its top entities, until the next call."""

    def get_top_entities(self, pub_id: str) -> str | None:
        """Return the top entities that were kept last, as text."""


class Store(StoreReader, Protocol):
    """What every store promises; a method that cannot keep it now raises StoreUnavailable."""

    def add(self, posts: Sequence[PostEntities]) -> int:
        """
        Add posts to their publications' counts, and return how many were not counted before.

        A post and its part of the counts are written together or not at all. Adding a post again
        changes nothing, so a message that is delivered twice counts once. Another revision of a
        saved post is an edit: in any order of arrival, the revision accepted last is counted.

        Raises:
            StoreUnavailable: some posts may have been added; the same call may be repeated.
            StoreRefused: the store will never take one of the posts; adding each alone shows which.
        """

    def remove(self, post_id: str, *, at: datetime) -> bool:
        """
        Take a post out of the counts, and return whether it was in them.

        A revision that was accepted until then is not counted when it arrives later.
        """

    def remove_all(self, post_ids: Collection[str], *, at: datetime) -> int:
        """Take posts out of the counts as `remove` does, and return how many were in them."""

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        """
        Replace saved posts by what `change` makes of them, and return how many it changed.

        The counts follow in the same step. If a post is edited meanwhile, or an answer is lost,
        the store calls `change` again with the newer post. So `change` must return its own result
        unchanged. The store skips ids of posts that are not saved.

        Raises:
            StoreUnavailable, StoreRefused: as `add`.
        """

    def posts_before(self, day: str, *, limit: int, with_text: bool = False) -> list[str]:
        """Return the ids of saved posts accepted before a day; `with_text` only those with one."""

    def forget(self, post_ids: Collection[str], *, at: datetime) -> int:
        """
        Forget whole posts, and return how many were counted; their counts stay.

        The same step adds what they count to the checkpoint of their publication, from which
        `recount` starts. A mark of each post stays, so a post that is sent again does not count
        again. An id that is not known gets its mark too.

        Raises:
            StoreUnavailable, StoreRefused: as `add`.
        """

    def checkpoint(self, name: str) -> Counts:
        """Return what the forgotten posts of a publication count."""

    def add_checkpoint(self, name: str, counts: Counts) -> None:
        """Add counts of posts forgotten elsewhere to the checkpoint and the counters."""

    def move_checkpoint(
        self, name: str, target: str | None, *, only: Collection[EntityName] | None = None
    ) -> None:
        """
        Move what forgotten posts count to another publication, or drop it; a repeat moves nothing.

        Args:
            only: the entities to move; None moves all of them, and the posts.
        """

    def drop_zeros(self, name: str) -> int:
        """Delete the counters of entities that count nothing any more, and return how many."""

    def name_publication(self, name: str) -> None:
        """Show a publication under this spelling of its name; create it if it is new."""

    def get_record(self, post_id: str) -> PostRecord:
        """Return the record of a post: the post, or when it was deleted or forgotten, or none."""

    def post(self, post_id: str) -> PostEntities | None:
        """Return a saved post, or None."""

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        """Return saved posts of a publication, by id, those after an id."""

    def records(self, *, limit: int, after: str | None = None) -> dict[str, PostRecord]:
        """Return the records of all posts by id, also of deleted ones, those after an id."""

    def recount(self, name: str, *, progress: Progress = no_progress) -> Recount:
        """
        Count a publication again, and read its counters at the same read time.

        The count is that of its saved posts and of its checkpoint.
        """

    def repair(self, name: str, diff: Counts) -> None:
        """Add the difference that a recount found to the counters, while posts go on arriving."""

    def prepare_windows(self, pub_id: str, *, limit: int) -> int:
        """
        Let lists within days of a publication be read quickly, in at most so many steps.

        Returns:
            How many steps are left; always 0 for a store that needs none.
        """

    def index_names(self, name: str) -> int:
        """Let every name of a publication be found, and return how many it has."""

    def index_posts(self, name: str) -> int:
        """
        Let `posts_before` find posts that earlier versions saved, and return how many those were.

        Posts of this version are found already.
        """


def tell_progress(
    pages: Iterable[Sequence[PostEntities]], progress: Progress
) -> Iterator[PostEntities]:
    """Return the posts of pages, and tell after each page how many posts that is."""
    number = 0
    for page in pages:
        yield from page
        number += len(page)
        progress(number)
