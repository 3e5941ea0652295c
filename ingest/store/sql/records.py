"""The record of a post as a row: JSON for what is read whole, and the compressed content."""

import json
import zlib
from datetime import datetime
from typing import Any

from ingest.core.messages import PostEntities
from ingest.core.revisions import PostRecord
from ingest.store.sql.models import PostRow

# The id and the content have columns of their own. What the request said of
# itself ends with the save step.
_EXCLUDED_FIELDS = {"post_id", "content", "request_id", "traceparent", "priority", "key_id"}


def write_record(record: PostRecord, *, keep_content: bool) -> tuple[str, bytes | None]:
    """Return a record as JSON, and the compressed content of its post."""
    post = record.post
    times = {"deleted_at": record.deleted_at, "forgotten_at": record.forgotten_at}
    saved = {
        "post": _fields(post) if post else None,
        **{name: time.isoformat() for name, time in times.items() if time},
    }
    keeps = post and post.content and keep_content
    content = zlib.compress(post.content.encode()) if post and keeps else None
    return json.dumps(saved, ensure_ascii=False), content


def _fields(post: PostEntities) -> dict[str, Any]:
    return post.model_dump(mode="json", exclude=_EXCLUDED_FIELDS, exclude_none=True)


def read_record(row: PostRow) -> PostRecord:
    """Return the record in a row; its post has the content "" if the row has none."""
    saved = json.loads(row.record)
    fields, post = saved["post"], None
    if fields:
        content = zlib.decompress(row.content).decode() if row.content else ""
        post = PostEntities(post_id=row.post_id, content=content, **fields)
    times = (saved.get("deleted_at"), saved.get("forgotten_at"))
    return PostRecord(post, *(datetime.fromisoformat(time) if time else None for time in times))
