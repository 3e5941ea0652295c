"""Telling watches of saved posts: after the commit, and before the acknowledgement."""

from collections.abc import Sequence

from django.db import InterfaceError, OperationalError

from ingest.broker import publish
from ingest.core.messages import AcceptedPost, NotifyMessage, SavedPostId
from ingest.notify.events import is_anybody_waiting


def publish_saved(posts: Sequence[AcceptedPost]) -> None:
    """
    Publish saved posts for watches, if anybody waits; a reprocess is no news.

    Raises:
        BrokerUnavailable: the same call may be repeated.
    """
    try:
        waiting = is_anybody_waiting.value()
    except (OperationalError, InterfaceError):
        waiting = True  # the database that knows is away, and the message waits for it
    new = [post for post in posts if post.again_at is None]
    if waiting and new:
        saved = [SavedPostId(post_id=post.post_id, key_id=post.key_id) for post in new]
        publish.enqueue_notify(NotifyMessage(saved=tuple(saved)))
