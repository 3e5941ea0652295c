"""Log lines about posts."""

from structlog import get_logger
from structlog.testing import capture_logs

from ingest.core.messages import AcceptedPost
from ingest.observability.post_log import MAX_LINE_BYTES, chunk_ids, log_posts
from tests.support.factories import accepted


def brought_by(request: str | None, count: int) -> list[AcceptedPost]:
    """Return posts that one request brought."""
    return [
        accepted(f"{request} {n}").model_copy(update={"request_id": request}) for n in range(count)
    ]


def test_an_event_of_a_batch_is_one_line_with_every_id() -> None:
    posts = brought_by("first", 2) + brought_by(None, 1) + brought_by("first", 1)
    with capture_logs() as lines:
        log_posts(get_logger(), "extracted", posts)
    ids = [post.post_id for post in posts]
    assert lines == [
        {
            "event": "extracted",
            "log_level": "info",
            "posts": {"first": [*ids[:2], ids[3]], "-": [ids[2]]},
        }
    ]


def test_a_large_batch_takes_lines_that_a_pipe_keeps_whole() -> None:
    posts = [post for n in range(40) for post in brought_by(f"{n:064}", 25)]
    lines = list(chunk_ids(posts))
    assert all(len(str(line)) < MAX_LINE_BYTES * 1.2 < 4096 for line in lines)
    assert sorted(id_ for line in lines for ids in line.values() for id_ in ids) == sorted(
        post.post_id for post in posts
    )
