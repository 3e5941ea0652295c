"""
Watches, evaluated from posts that were just saved.

The message of saved posts comes at least once. An event's id is made from its watch and its post or
window, so a redelivery or another worker records nothing twice.
"""

from collections.abc import Sequence
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import Q
from structlog import get_logger

from ingest.analytics.snippets import Snippet, find_snippet
from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities, SavedPostId
from ingest.core.posts import publication_id
from ingest.models import Event, Watch, WatchMatch, Webhook
from ingest.notify import events
from ingest.operations.rule_versions import current_rules
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

logger = get_logger()

MAX_PER_QUERY = 500  # names of a post that one query asks for


def evaluate(saved: Sequence[SavedPostId]) -> None:
    """
    Record the events of saved posts; a post that was deleted meanwhile has none.

    Raises:
        StoreUnavailable, OperationalError, InterfaceError: the same call may be repeated.
    """
    for one in saved:
        post = open_store().post(one.post_id)
        if post is None:
            continue
        try:
            _evaluate(post, one.key_id)
        except (StoreUnavailable, OperationalError, InterfaceError):
            raise
        except Exception:  # one post must not keep the others from their watches
            logger.exception("watches not evaluated", post=one.post_id)


def _evaluate(post: PostEntities, key_id: int | None) -> None:
    events.record_for_publisher(
        Webhook.Event.SAVED, key_id, describe(post), post.post_id, post.accepted_at.isoformat()
    )
    for watch in _watches_of(post):
        about = _about(watch, post)
        if about is not None:
            data = {**describe(post), **_reason(watch, post)}
            id_ = Event.id_of("watch", watch.pk, *about)
            events.record(Webhook.Event.WATCH, id_, data, key_id=watch.key_id, watch=watch)


def _watches_of(post: PostEntities) -> list[Watch]:
    """
    Return the watches on a name of a post, on its publication, or on both.

    A watch on a name that an alias has merged follows the name that it counts as.
    """
    counted = {entity_id(*name_of(entity)) for entity in post.entities}
    merged = current_rules().predecessors(post.publication)
    names = sorted(counted.union(*(merged.get(id_, ()) for id_ in counted)))
    in_publication = Q(publication_id__in=("", publication_id(post.publication)))
    found: list[Watch] = list(Watch.objects.filter(in_publication, entity_id=""))
    for start in range(0, len(names), MAX_PER_QUERY):
        some = names[start : start + MAX_PER_QUERY]
        found += Watch.objects.filter(in_publication, entity_id__in=some)
    return found


def _about(watch: Watch, post: PostEntities) -> tuple[object, ...] | None:
    """Return what the event of a watch and a post is about; None if there is no event."""
    if watch.condition == Watch.Condition.ANY:
        return (post.post_id,)
    if watch.condition == Watch.Condition.FIRST:
        return ("first",)
    window = watch.window_of(post.first_at)
    WatchMatch.objects.get_or_create(watch=watch, window=window, post_id=post.post_id)
    posts = WatchMatch.objects.filter(watch=watch, window=window).count()
    return ("window", window) if posts > watch.more_than else None


def describe(post: PostEntities) -> dict[str, Any]:
    """Return what a message says of a post."""
    return {
        "id": post.post_id,
        "own_id": post.own_id,
        "publication": post.publication,
        "day": post.day.isoformat(),
        "title": post.title,
        "url": post.url,
    }


def _reason(watch: Watch, post: PostEntities) -> dict[str, Any]:
    snippet = _snippet(watch.entity_id, post) if watch.entity_id else None
    return {
        "watch": {
            "id": watch.pk,
            "name": watch.name,
            "publication": watch.publication,
            "condition": watch.condition,
        },
        "entity": watch.entity_id or None,
        "sentence": "".join(snippet) if snippet else None,
    }


def _snippet(id_: str, post: PostEntities) -> Snippet | None:
    """Find the sentence of a name, or of the name that it counts as in the post's publication."""
    rules = current_rules()
    merged = rules.predecessors(post.publication)
    counted = (entity_id(*name_of(entity)) for entity in post.entities)
    new = next((each for each in counted if id_ in merged.get(each, ())), id_)
    return find_snippet(post, new, rules)
