"""The query parameters of the API's lists. Any other parameter is refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.analytics.comparison_query import DayRange
from ingest.analytics.entity_list import DEFAULT_LIMIT, MAX_LIMIT, Family, SignedPageToken
from ingest.analytics.post_list import PostListQuery
from ingest.analytics.time_axis import ChosenStep
from ingest.core.posts import MAX_NAME_CHARACTERS, Moment

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]


class Query(BaseModel):
    """The base of all queries, without parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PublicationsQuery(Query):
    """Parameters of the list of publications. `after` is the last name of the previous page."""

    limit: Limit = MAX_LIMIT
    after: Name | None = None


class PostsQuery(PostListQuery):
    """Parameters of the posts that mention an entity."""

    publication: Name | None = None


class SeriesQuery(DayRange):
    """The days that count, and the step of the series. Without a step it fits the days."""

    step: ChosenStep | None = None


class EntityDaysQuery(DayRange):
    """Parameters of the days of an entity."""

    publication: Name | None = None


class FailedPostsQuery(Query):
    """Parameters of the list of a key's own posts that are dead or refused."""

    state: Literal["dead", "refused"]
    since: Moment | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: SignedPageToken | None = None


class ListQuery(Query):
    """Parameters of the status of a submitted list."""

    offset: Annotated[int, Field(ge=0)] = 0
    limit: Limit = MAX_LIMIT


class DeadLettersQuery(Query):
    """Parameters of the list of dead letters."""

    reason: Literal["failed", "timeout", "killed", "refused", "unreadable", "language"] | None = (
        None
    )
    step: Literal["extract", "save"] | None = None
    publication: Name | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: SignedPageToken | None = None


class CompareQuery(Query):
    """Two publications to compare, and optionally one family."""

    first: Name
    second: Name
    family: Family | None = None
