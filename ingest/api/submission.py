"""What becomes of each post of a request: accepted, a duplicate, or refused, in their order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse
from pydantic import ValidationError
from structlog import get_logger

from ingest.api import receipts
from ingest.api.schemas import (
    AcceptedResult,
    DuplicateResult,
    FieldError,
    RefusedResult,
)
from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import IntakePaused, QueueFull
from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import AcceptedPost
from ingest.core.posts import Post
from ingest.core.validation import field_errors
from ingest.observability import metrics, tracing
from ingest.observability.post_log import log_posts, request_id

NOT_PERMITTED = "is not one whose posts this key may submit"

logger = get_logger()

Errors = list[dict[str, str]]


@dataclass(frozen=True)
class PostResults:
    """The results of some posts, in their order."""

    posts: Sequence[AcceptedResult | DuplicateResult | RefusedResult]

    def count(self, kind: type) -> int:
        """Return how many of them are of a kind."""
        return sum(isinstance(result, kind) for result in self.posts)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many were accepted, came before, and were refused."""
        return {
            "accepted": self.count(AcceptedResult),
            "duplicates": self.count(DuplicateResult),
            "refused": self.count(RefusedResult),
        }

    def payload(self) -> list[dict[str, Any]]:
        """Return the JSON types of the results."""
        return [result.model_dump() for result in self.posts]

    @property
    def errors(self) -> list[FieldError]:
        """Return every error of those that were refused."""
        refused = (result for result in self.posts if isinstance(result, RefusedResult))
        return [error for result in refused for error in result.errors]


def check(item: Any, *, may_change: Callable[[str], bool], pointer: str = "") -> Post | Errors:
    """Return the post that an item is, or what is wrong with it."""
    try:
        post = Post.model_validate(item)
    except ValidationError as error:
        return field_errors(error, pointer=pointer)
    if not may_change(post.publication):
        return [{"pointer": f"{pointer}/publication", "detail": NOT_PERMITTED}]
    return post


def submit(items: Sequence[Post | Errors]) -> PostResults:
    """
    Accept posts, each once, and answer for every item.

    Raises:
        IntakePaused, BrokerUnavailable: as `accept`.
    """
    invalid = sum(isinstance(item, list) for item in items)
    if invalid:
        metrics.REFUSED.labels("invalid").inc(invalid)
        logger.info("refused", reason="invalid", refused=invalid)
    firsts = _firsts(items)
    new = [place for place, first in firsts.items() if place == first]
    posts = [item for place in new if isinstance(item := items[place], Post)]
    accepted = dict(zip(new, accept(posts) if posts else (), strict=True))
    if len(new) < len(firsts):
        metrics.DUPLICATES.inc(len(firsts) - len(new))
    return PostResults(
        [
            _result(item, accepted.get(firsts.get(place, place)), first=place in accepted)
            for place, item in enumerate(items)
        ]
    )


def _firsts(items: Sequence[Post | Errors]) -> dict[int, int]:
    """Return the place at which each post came first; it is another one after an edit of it."""
    firsts: dict[int, int] = {}
    last: dict[str, int] = {}
    for place, item in enumerate(items):
        if isinstance(item, Post):
            earlier = last.get(item.post_id)
            repeats = earlier is not None and items[earlier] == item
            firsts[place] = earlier if repeats and earlier is not None else place
            last[item.post_id] = firsts[place]
    return firsts


def _result(
    item: Post | Errors, accepted: AcceptedPost | None, *, first: bool
) -> AcceptedResult | DuplicateResult | RefusedResult:
    if accepted is None:
        assert isinstance(item, list)
        return RefusedResult(errors=[FieldError(**error) for error in item])
    kind = AcceptedResult if first else DuplicateResult
    return kind(id=accepted.post_id, url=_address(accepted))


def _address(post: AcceptedPost) -> str:
    """Return where it is told what becomes of a post, with the receipt that it was accepted."""
    receipt = receipts.write(post.post_id, post.accepted_at)
    return f"{reverse('post', args=[post.post_id])}?receipt={receipt}"


def accept(posts: Sequence[Post]) -> list[AcceptedPost]:
    """
    Enqueue posts, and return them with their ids, in their order.

    Raises:
        IntakePaused: nothing was enqueued.
        BrokerUnavailable: some may have been; sending all of them again counts none twice.
    """
    with tracing.span("accept", posts=len(posts)):
        accepted = _accepted(posts)
        with _counted(len(posts)), get_admission().admit() as producer:
            publish.enqueue(accepted, through=producer)
    log_posts(logger, "accepted", accepted)
    return accepted


def _accepted(posts: Sequence[Post]) -> list[AcceptedPost]:
    now = datetime.now(UTC)
    origin = {"request_id": request_id(), "traceparent": tracing.current()}
    return [
        # Of two revisions of a post in one request the second is the later one.
        AcceptedPost.from_post(post, accepted_at=now + timedelta(microseconds=place), **origin)
        for place, post in enumerate(posts)
    ]


@contextmanager
def _counted(posts: int) -> Iterator[None]:
    """Count what becomes of posts, and measure how long it takes to accept them."""
    try:
        with metrics.step("accept", posts):
            yield
    except (IntakePaused, BrokerUnavailable) as error:
        metrics.REFUSED.labels(_reason(error)).inc(posts)
        logger.warning("refused", reason=_reason(error), refused=posts)
        raise
    metrics.ACCEPTED.inc(posts)


def _reason(error: IntakePaused | BrokerUnavailable) -> str:
    if isinstance(error, QueueFull):
        return "full"
    return "closed" if isinstance(error, IntakePaused) else "broker"
