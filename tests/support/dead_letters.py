"""Dead letters to test with."""

from ingest.models import DeadLetter
from tests.support.factories import accepted


def make_dead_letters(*contents: str, **fields: str) -> list[DeadLetter]:
    """Make a dead letter for each post content."""
    known = {"step": "extract", "reason": "failed", "detail": "ValueError: bad", **fields}
    posts = [accepted(content) for content in contents]
    return [
        DeadLetter.objects.create(
            post_id=post.post_id,
            publication=post.publication,
            attempts=2,
            payload=post.payload(),
            **known,
        )
        for post in posts
    ]
