"""Submits the posts of a request. Each is accepted, refused or a duplicate, in order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse
from kombu import Producer
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
from ingest.broker.admission.base import LIVE, IntakePaused, QueueFull
from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import AcceptedPost
from ingest.core.posts import MAX_NAME_CHARACTERS, Post
from ingest.core.validation import field_errors
from ingest.models import RefusedPost
from ingest.observability import metrics, tracing
from ingest.observability.post_log import log_posts, request_id
from ingest.operations import submissions

NOT_PERMITTED = "This key may not submit posts of this publication."

logger = get_logger()


class Errors(list[dict[str, str]]):
    """The errors of a refused post, and what it says of itself."""

    def __init__(self, errors: Iterable[dict[str, str]], item: object = None) -> None:
        super().__init__(errors)
        self.item = item if isinstance(item, dict) else {}

    def row(self, key_id: int) -> RefusedPost:
        """Return what is kept for the holder of the key."""
        names = [
            str(self.item.get(name) or "")[:MAX_NAME_CHARACTERS] for name in ("publication", "id")
        ]
        publication, own_id = (name.replace("\0", "") for name in names)
        return RefusedPost(key_id=key_id, publication=publication, own_id=own_id, errors=list(self))


@dataclass(frozen=True)
class PostResults:
    """The results of posts, in their order, and the accepted posts."""

    posts: Sequence[AcceptedResult | DuplicateResult | RefusedResult]
    accepted: Sequence[AcceptedPost] = ()

    def count(self, kind: type) -> int:
        """Return how many results are of a kind."""
        return sum(isinstance(result, kind) for result in self.posts)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many posts were accepted, duplicates, and refused."""
        return {
            "accepted": self.count(AcceptedResult),
            "duplicates": self.count(DuplicateResult),
            "refused": self.count(RefusedResult),
        }

    def payload(self) -> list[dict[str, Any]]:
        """Return the results as JSON types."""
        return [result.model_dump(exclude_none=True) for result in self.posts]

    @property
    def errors(self) -> list[FieldError]:
        """Return the errors of all refused posts."""
        refused = (result for result in self.posts if isinstance(result, RefusedResult))
        return [error for result in refused for error in result.errors]


def check(
    item: Any, *, may_change: Callable[[str], bool], pointer: str = "", bulk: bool = False
) -> Post | Errors:
    """Return the post in an item, or the errors of its fields; `bulk` makes it a bulk post."""
    try:
        post = Post.model_validate(item)
    except ValidationError as error:
        return Errors(field_errors(error, pointer=pointer), item)
    if not may_change(post.publication):
        return Errors([{"pointer": f"{pointer}/publication", "detail": NOT_PERMITTED}], item)
    return post.model_copy(update={"priority": "bulk"}) if bulk else post


def submit(items: Sequence[Post | Errors], *, key_id: int | None = None) -> PostResults:
    """
    Accept each post once, and return a result for every item.

    Args:
        key_id: the API key of the request.

    Raises:
        IntakePaused, BrokerUnavailable: as `accept` does.
    """
    if invalid := [item for item in items if isinstance(item, Errors)]:
        metrics.REFUSED.labels("invalid").inc(len(invalid))
        logger.info("refused", reason="invalid", refused=len(invalid))
        if key_id is not None:
            submissions.remember_refused([errors.row(key_id) for errors in invalid])
    first_index = _first_indexes(items)
    new = [index for index, first in first_index.items() if index == first]
    posts = [item for index in new if isinstance(item := items[index], Post)]
    accepted = dict(zip(new, accept(posts, key_id=key_id) if posts else (), strict=True))
    if len(new) < len(first_index):
        metrics.DUPLICATES.inc(len(first_index) - len(new))
    return PostResults(
        [
            _result(item, accepted.get(first_index.get(index, index)), is_first=index in accepted)
            for index, item in enumerate(items)
        ],
        tuple(accepted.values()),
    )


def _first_indexes(items: Sequence[Post | Errors]) -> dict[int, int]:
    """Return the index of each post's first equal in the items, since its last edit."""
    firsts: dict[int, int] = {}
    newest: dict[str, int] = {}
    for index, item in enumerate(items):
        if isinstance(item, Post):
            earlier = newest.get(item.post_id)
            repeats = earlier is not None and items[earlier] == item
            firsts[index] = earlier if repeats and earlier is not None else index
            newest[item.post_id] = firsts[index]
    return firsts


def _result(
    item: Post | Errors, accepted: AcceptedPost | None, *, is_first: bool
) -> AcceptedResult | DuplicateResult | RefusedResult:
    if accepted is None:
        assert isinstance(item, list)
        return RefusedResult(errors=[FieldError(**error) for error in item])
    kind = AcceptedResult if is_first else DuplicateResult
    return kind(id=accepted.post_id, own_id=accepted.own_id, url=_status_url(accepted))


def _status_url(post: AcceptedPost) -> str:
    """Return the URL of a post's status, with its receipt."""
    receipt = receipts.write(post.post_id, post.accepted_at)
    return f"{reverse('post', args=[post.post_id])}?receipt={receipt}"


def accept(posts: Sequence[Post], *, key_id: int | None = None) -> list[AcceptedPost]:
    """
    Enqueue posts, and return them with their ids, in their order.

    Raises:
        IntakePaused: nothing was enqueued.
        BrokerUnavailable: some posts may be enqueued. Sending all again counts none twice.
    """
    with tracing.span("accept", posts=len(posts)):
        accepted = _accepted(posts, key_id)
        with _measured(len(posts)), _admission(accepted) as producer:
            publish.enqueue(accepted, through=producer)
    log_posts(logger, "accepted", accepted)
    return accepted


def _admission(posts: Sequence[AcceptedPost]) -> AbstractContextManager[Producer]:
    return get_admission().admit(publish.priorities(posts) or LIVE)


def _accepted(posts: Sequence[Post], key_id: int | None) -> list[AcceptedPost]:
    now = datetime.now(UTC)
    origin = {"request_id": request_id(), "traceparent": tracing.current(), "key_id": key_id}
    return [
        # The microseconds make the second of two revisions in one request the later one.
        AcceptedPost.from_post(post, accepted_at=now + timedelta(microseconds=index), **origin)
        for index, post in enumerate(posts)
    ]


@contextmanager
def _measured(posts: int) -> Iterator[None]:
    """Measure how long accepting posts takes, and count accepted and refused posts."""
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
