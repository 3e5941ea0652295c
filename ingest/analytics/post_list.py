"""Lists of posts, the newest first: of a publication or of a name, within days, by title."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ingest.analytics.comparison_query import DayRange
from ingest.analytics.entity_list import DEFAULT_LIMIT, MAX_LIMIT, PageToken, SignedPageToken
from ingest.core.entity_names import entity_key
from ingest.core.messages import PostEntities
from ingest.store.base import PostCursor, Publication, StoreReader

# No store has an index of titles. So a search reads the titles of so many posts.
SEARCHED_POSTS = 1000

# An entity's posts are counted in the publications that mention it most.
MAX_PUBLICATIONS = 50


class PostListQuery(DayRange):
    """The parameters of a list of posts; a title matches if it has all words, or beginnings."""

    title: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: SignedPageToken | None = None

    @property
    def after(self) -> PostCursor | None:
        """The last post of the page before."""
        token = PageToken.read(self.cursor) if self.cursor else None
        return PostCursor(str(token.value), token.id) if token else None


@dataclass(frozen=True)
class PostList:
    """
    A page of posts.

    Args:
        total: how many posts there are, of those searched if titles were searched.
        searched: how many titles were searched; None without a search.
        next: the token of the next page.
    """

    posts: list[PostEntities]
    total: int
    searched: int | None
    next: str | None


@dataclass(frozen=True)
class PostSource:
    """The posts of a publication, or those that mention an entity, or both."""

    store: StoreReader
    publication: Publication | None = None
    entity_id: str | None = None

    def page(self, query: PostListQuery, limit: int, *, whole: bool) -> list[PostEntities]:
        """Return the newest posts: a whole page after the cursor, or the first without texts."""
        options: dict[str, Any] = {
            "window": query.window,
            "limit": limit,
            "after": query.after if whole else None,
            "content": whole,
        }
        name = self.publication.name if self.publication else None
        if self.entity_id is not None:
            return self.store.posts_mentioning(self.entity_id, name=name, **options)
        return self.store.newest_posts(name or "", **options)

    def total(self, query: PostListQuery) -> int:
        """Return how many posts count within the window."""
        if self.entity_id is None:
            return query.window.total(self.publication.days) if self.publication else 0
        if self.publication:
            found = self.store.entities_by_id(self.publication.name, [self.entity_id])
        else:
            pairs = self.store.entity_everywhere(self.entity_id, limit=MAX_PUBLICATIONS)
            found = [entity for _, entity in pairs]
        return sum(query.window.total(entity.post_days) for entity in found)


def list_posts(source: PostSource, query: PostListQuery) -> PostList:
    """Read one page of posts."""
    if query.title:
        return _by_title(source, query, entity_key(query.title).split())
    found = source.page(query, query.limit + 1, whole=True)
    return PostList(found[: query.limit], source.total(query), None, _next(found, query.limit))


def _by_title(source: PostSource, query: PostListQuery, words: Sequence[str]) -> PostList:
    sample = source.page(query, SEARCHED_POSTS, whole=False)
    matching = [post for post in sample if _matches(post.title or "", words)]
    rest = _after(matching, query.after)
    page = source.store.posts_by_id([post.post_id for post in rest[: query.limit]])
    return PostList(page, len(matching), len(sample), _next(rest, query.limit))


def _matches(title: str, words: Sequence[str]) -> bool:
    """Return whether each word begins a word of a title; signs, accents and case do not count."""
    own = entity_key(title).split()
    return bool(words) and all(any(word.startswith(each) for word in own) for each in words)


def _after(posts: Sequence[PostEntities], after: PostCursor | None) -> Sequence[PostEntities]:
    """Return the posts behind a cursor, which may name a post that is gone."""
    if after is None:
        return posts
    ids = [post.post_id for post in posts]
    if after.post_id in ids:
        return posts[ids.index(after.post_id) + 1 :]
    return [post for post in posts if post.day.isoformat() < after.day]


def _next(found: Sequence[PostEntities], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return PageToken(value=last.day.isoformat(), id=last.post_id).sign()
