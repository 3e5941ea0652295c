"""
Watches, evaluated from posts that were just saved.

The message of saved posts comes at least once. An event's id is made from its watch and its post or
window, so a redelivery or another worker records nothing twice.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import Q
from structlog import get_logger

from ingest.analytics.snippets import find_snippet
from ingest.core.chunks import chunks
from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities, SavedPostId
from ingest.core.posts import publication_id
from ingest.models import Event, ReadLimit, Watch, WatchMatch, Webhook
from ingest.notify import events
from ingest.notify.rising import CountsOnce, Rise, find_rises
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
    evaluation = _Evaluation()
    for one in saved:
        post = open_store().post(one.post_id)
        if post is None:
            continue
        try:
            evaluation.evaluate(post, one.key_id)
        except (StoreUnavailable, OperationalError, InterfaceError):
            raise
        except Exception:  # one post must not keep the others from their watches
            logger.exception("watches not evaluated", post=one.post_id)


class _Evaluation:
    """The evaluation of a message's posts, which reads each count and each limit once."""

    def __init__(self) -> None:
        self._counts = CountsOnce(open_store())
        self._limits: dict[int, frozenset[str]] = {}

    def evaluate(self, post: PostEntities, key_id: int | None) -> None:
        """Record the events of one post."""
        events.record_for_publisher(
            Webhook.Event.SAVED, key_id, describe(post), post.post_id, post.accepted_at.isoformat()
        )
        for watch in _watches_of(post):
            if self._may_read(watch, post.publication):
                for id_, reason in self._occasions(watch, post):
                    data = {**describe(post), **reason}
                    kind, key = Webhook.Event.WATCH, watch.key_id
                    events.record(kind, id_, data, key_id=key, watch=watch)

    def _may_read(self, watch: Watch, publication: str) -> bool:
        """Return whether the account of a watch may read a publication now."""
        if watch.account is None:
            return True
        if watch.account.pk not in self._limits:
            names = ReadLimit.of(watch.account)
            self._limits[watch.account.pk] = frozenset(map(publication_id, names))
        limit = self._limits[watch.account.pk]
        return watch.account.is_active and (not limit or publication_id(publication) in limit)

    def _occasions(self, watch: Watch, post: PostEntities) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the id of each event of a watch and a post, and what the event says besides."""
        if watch.condition == Watch.Condition.RISING:
            only = _counted_id(watch.entity_id, post) if watch.entity_id else ""
            for rise in find_rises(watch, post, self._counts, only=only):
                yield rise.event_id, _reason(watch, post, rise)
            return
        about = _about(watch, post)
        if about is not None:
            yield Event.id_of("watch", watch.pk, *about), _reason(watch, post)


def _watches_of(post: PostEntities) -> list[Watch]:
    """
    Return the watches on a name of a post, on its publication, or on both.

    A watch on a name that an alias has merged follows the name that it counts as.
    """
    counted = {entity_id(*name_of(entity)) for entity in post.entities}
    merged = current_rules().predecessors(post.publication)
    names = sorted(counted.union(*(merged.get(id_, ()) for id_ in counted)))
    in_publication = Q(publication_id__in=("", publication_id(post.publication)))
    rows = Watch.objects.filter(in_publication).select_related("account")
    found: list[Watch] = list(rows.filter(entity_id=""))
    for some in chunks(names, MAX_PER_QUERY):
        found += rows.filter(entity_id__in=some)
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


def _reason(watch: Watch, post: PostEntities, rise: Rise | None = None) -> dict[str, Any]:
    entity = rise.entity.id if rise else watch.entity_id
    snippet = find_snippet(post, _counted_id(entity, post), current_rules()) if entity else None
    return {
        "watch": {
            "id": watch.pk,
            "name": watch.name,
            "publication": watch.publication,
            "condition": watch.condition,
        },
        "entity": entity or None,
        "sentence": "".join(snippet) if snippet else None,
        **({"rising": rise.fields} if rise else {}),
    }


def _counted_id(id_: str, post: PostEntities) -> str:
    """Return the id that a name counts under in the publication of a post that mentions it."""
    merged = current_rules().predecessors(post.publication)
    counted = (entity_id(*name_of(entity)) for entity in post.entities)
    return next((each for each in counted if id_ in merged.get(each, ())), id_)
