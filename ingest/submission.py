"""What becomes of each post of a request: accepted, a duplicate, or refused, in their order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from pydantic import ValidationError
from structlog import get_logger

from ingest import intake, metrics, receipts
from ingest.answers import Accepted, Duplicate, FieldError, RefusedPost
from ingest.messages import AcceptedPost
from ingest.posts import Post
from ingest.problems import field_errors

NOT_YOURS = "is not one whose posts this key may submit"

logger = get_logger()

Errors = list[dict[str, str]]


@dataclass(frozen=True)
class Results:
    """The results of some posts, in their order."""

    posts: Sequence[Accepted | Duplicate | RefusedPost]

    def count(self, kind: type) -> int:
        """Return how many of them are of a kind."""
        return sum(isinstance(result, kind) for result in self.posts)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many were accepted, came before, and were refused."""
        return {
            "accepted": self.count(Accepted),
            "duplicates": self.count(Duplicate),
            "refused": self.count(RefusedPost),
        }

    def payload(self) -> list[dict[str, Any]]:
        """Return the JSON types of the results."""
        return [result.model_dump() for result in self.posts]

    @property
    def errors(self) -> list[FieldError]:
        """Return every error of those that were refused."""
        refused = (result for result in self.posts if isinstance(result, RefusedPost))
        return [error for result in refused for error in result.errors]


def check(item: Any, *, may_change: Callable[[str], bool], pointer: str = "") -> Post | Errors:
    """Return the post that an item is, or what is wrong with it."""
    try:
        post = Post.model_validate(item)
    except ValidationError as error:
        return field_errors(error, pointer=pointer)
    if not may_change(post.publication):
        return [{"pointer": f"{pointer}/publication", "detail": NOT_YOURS}]
    return post


def submit(items: Sequence[Post | Errors]) -> Results:
    """
    Accept posts, each once, and answer for every item.

    Raises:
        GateClosed, BrokerUnavailable: as `intake.accept`.
    """
    invalid = sum(isinstance(item, list) for item in items)
    if invalid:
        metrics.REFUSED.labels("invalid").inc(invalid)
        logger.info("refused", reason="invalid", refused=invalid)
    firsts = _firsts(items)
    new = [place for place, first in firsts.items() if place == first]
    posts = [item for place in new if isinstance(item := items[place], Post)]
    accepted = dict(zip(new, intake.accept(posts) if posts else (), strict=True))
    if len(new) < len(firsts):
        metrics.DUPLICATES.inc(len(firsts) - len(new))
    return Results(
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
) -> Accepted | Duplicate | RefusedPost:
    if accepted is None:
        assert isinstance(item, list)
        return RefusedPost(errors=[FieldError(**error) for error in item])
    kind = Accepted if first else Duplicate
    return kind(id=accepted.post_id, url=_address(accepted))


def _address(post: AcceptedPost) -> str:
    """Return where it is told what becomes of a post, with the receipt that it was accepted."""
    receipt = receipts.write(post.post_id, post.accepted_at)
    return f"{reverse('post', args=[post.post_id])}?receipt={receipt}"
