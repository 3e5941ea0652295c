"""The responses about what is computed from counts."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.analytics.time_axis import Step
from ingest.api.schemas import EntityIdentity, ResponseModel, WindowBounds
from ingest.core.posts import Name


class ComparedSide(ResponseModel):
    """One side of a comparison. Its publications are counted together."""

    title: str
    publications: list[str]
    posts: int = Field(description="The sample: how many posts count for the day window.")
    window: WindowBounds


class SideCountsItem(ResponseModel):
    """How often a side mentions an entity. The counts are exact."""

    mentions: int
    posts: int
    share_of_posts: float


class ComparisonRow(EntityIdentity):
    """An entity, its counts on each side, and the numbers of the sides that mention it."""

    counts: list[SideCountsItem]
    sides: list[int]
    difference: float = Field(description="The largest share of posts less the smallest.")


class ShareLinesItem(ResponseModel):
    """The share of posts that mention an entity: a list for each side, a number for each step."""

    id: str
    text: str
    shares: list[list[float | None]]


class ManyComparison(ResponseModel):
    """
    Entities on several sides.

    Each entity was looked up on every side. So a count of 0 means that the side never mentions it.
    """

    sides: list[ComparedSide]
    order: Literal["share", "difference", "mentions"]
    top: int | None = Field(
        description="How many of the most mentioned entities of each publication were compared."
        " Null if the request names the entities."
    )
    rows: list[ComparisonRow]
    step: Step | None
    starts: list[date] = Field(description="The first day of each step of the lines.")
    lines: list[ShareLinesItem] = Field(description="The lines of the first entities.")


class GroupRequest(BaseModel):
    """A group of publications, named as their posts name them."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(max_length=100)
    publications: list[Name] = Field(min_length=1, max_length=20)


class GroupItem(ResponseModel):
    """A kept group of publications, and the address that compares it."""

    slug: str
    name: str
    url: str
    compare_url: str


class GroupDetail(GroupItem):
    """A kept group, and those of its publications that the key may read."""

    publications: list[str]


class GroupList(ResponseModel):
    """All kept groups by name."""

    groups: list[GroupItem]


class CompanionItem(EntityIdentity):
    """An entity that is mentioned in the same posts as another."""

    posts: int = Field(description="How many posts of the sample mention both.")
    share_of_sample: float
    share_of_posts: float = Field(description="Of all posts of the publication in the window.")
    lift: float | None = Field(description="`share_of_sample` divided by `share_of_posts`.")


class CompanionLink(ResponseModel):
    """Two companions, and how many posts of the sample mention both."""

    first: str
    second: str
    posts: int


class MentionedWithAnswer(EntityIdentity):
    """The companions of an entity in one publication, and the links of the first 20."""

    publication: str
    posts: int = Field(description="The sample: its newest posts, at most 1,000.")
    of_posts: int = Field(description="How many posts within the window mention the entity.")
    window: WindowBounds
    order: Literal["posts", "lift"]
    companions: list[CompanionItem]
    links: list[CompanionLink]


class PostItem(ResponseModel):
    """A saved post."""

    id: str
    publication: str
    day: date
    title: str | None
    url: str | None


class PostPage(ResponseModel):
    """A page of the posts of a publication, newest first."""

    publication: str
    total: int = Field(description="How many posts match, of those searched.")
    searched: int | None = Field(
        description="With `title`: how many of the newest posts were searched, at most 1,000."
    )
    posts: list[PostItem]
    next: str | None = Field(description="The URL of the next page.")


class MarkedName(ResponseModel):
    """A name in the text of a post, from one character to before another."""

    entity: str
    text: str
    start: int
    end: int


class PostEvent(ResponseModel):
    """What happened to a post. The time is null where only the fact is known."""

    what: str
    at: datetime | None


class PostContent(PostItem):
    """A saved post as it was read. `content` is null if the text was not kept."""

    content: str | None
    names: list[MarkedName]
    history: list[PostEvent]


class TableRows(ResponseModel):
    """An export: its rows, and a line that says what was counted, over what, and when."""

    source: str
    rows: list[dict[str, str | int | float | None]]
