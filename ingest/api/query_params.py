"""The query parameters of the API's lists. Any other parameter is refused."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingest.analytics.entity_list import MAX_LIMIT, Day, Family
from ingest.analytics.post_list import PostListQuery
from ingest.analytics.time_axis import ChosenStep
from ingest.core.day_window import DayWindow
from ingest.core.posts import MAX_NAME_CHARACTERS

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


class SeriesQuery(Query):
    """The days that count, and the step of the series. Without a step it fits the days."""

    since: Day | None = None
    until: Day | None = None
    step: ChosenStep | None = None

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError("since is after until")
        return self

    @property
    def window(self) -> DayWindow:
        """The window of days."""
        return DayWindow(self.since, self.until)


class CompareQuery(Query):
    """Two publications to compare, and optionally one family."""

    first: Name
    second: Name
    family: Family | None = None
