"""Batching: taking more messages of a task's queue, and waiting for more."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app

from ingest.broker import publish
from ingest.broker.admission.redis import UNACKED_KEY
from ingest.broker.connection import redis_client
from ingest.core.messages import SaveMessage
from ingest.devstack.stack import wait_until
from ingest.worker import live_messages
from ingest.worker.batching import Delivery, take_batch
from tests.support.factories import accepted, with_entities
from tests.support.unreadable import DAMAGES, publish_damaged

pytestmark = pytest.mark.usefixtures("empty_broker")

TASK: Any = SimpleNamespace(
    name=publish.SAVE_TASK, request=SimpleNamespace(delivery_info={"routing_key": "save"})
)
FIRST = SaveMessage(posts=(with_entities("first"),)).payload()


def take(*, patience: float, characters: int = 100_000) -> list[Delivery]:
    """Take a batch as the save task does, which has received the first post."""
    with take_batch(
        TASK, FIRST, characters=characters, source=publish.EXTRACT, patience=patience
    ) as deliveries:
        return deliveries


def save_later(id: str) -> None:
    """Put a post on the save queue, and empty the extract queue once the post is taken."""
    publish.enqueue_save([with_entities(id)])
    wait_until(lambda: not redis_client().llen(publish.SAVE), seconds=30, what="it is taken")
    redis_client().delete(publish.EXTRACT)


def test_a_message_without_posts_stays_on_the_queue() -> None:
    publish.enqueue_save([with_entities("second")])
    publish.enqueue_summary("0" * 32)
    publish.enqueue_save([with_entities("third")])
    assert len(take(patience=60)) == 3
    assert redis_client().llen(publish.SAVE) == 1


def test_waiting_messages_are_taken_without_patience() -> None:
    publish.enqueue_save([with_entities("second")])
    publish.enqueue([accepted("Oslo.")])
    assert len(take(patience=0)) == 2


def test_a_task_waits_for_more_while_posts_wait_for_the_step_before() -> None:
    publish.enqueue([accepted("Oslo.")])
    later = threading.Thread(target=save_later, args=("second",))
    began = time.monotonic()
    later.start()
    found = take(patience=60)
    later.join()
    assert [delivery.payload["posts"][0]["content"] for delivery in found] == [
        "Post first.",
        "Post second.",
    ]
    assert time.monotonic() - began < 60, "it waited although the extract queue was empty"


BULK: Any = SimpleNamespace(
    name=publish.SAVE_TASK, request=SimpleNamespace(delivery_info={"routing_key": "save.bulk"})
)


def take_bulk(*, patience: float) -> list[Delivery]:
    """Take a batch as the save task does, which has received a bulk post."""
    with take_batch(
        BULK, FIRST, characters=100_000, source=publish.EXTRACT, patience=patience
    ) as deliveries:
        return deliveries


def bulk(post: Any) -> Any:
    """Return the same post with the priority of an archive."""
    return post.model_copy(update={"priority": "bulk"})


def test_no_batch_mixes_live_and_bulk_posts() -> None:
    publish.enqueue_save([with_entities("live"), bulk(with_entities("old"))])
    found = [delivery.payload["posts"][0]["content"] for delivery in take_bulk(patience=0)]
    assert found == ["Post first.", "Post old."]
    assert len(take(patience=0)) == 2
    assert not redis_client().exists(publish.SAVE, "save.bulk", UNACKED_KEY)


def test_a_batch_of_bulk_posts_does_not_wait_while_a_live_post_waits() -> None:
    publish.enqueue([bulk(accepted("Oslo."))])
    assert take_bulk(patience=0.3), "it waits for its own source only"
    publish.enqueue_save([with_entities("live")])
    began = time.monotonic()
    assert len(take_bulk(patience=60)) == 1
    assert time.monotonic() - began < 60


def test_a_batch_of_bulk_posts_ends_its_wait_when_its_worker_receives_a_live_post() -> None:
    """RabbitMQ counts it nowhere while it waits in the worker's parent for a child."""
    publish.enqueue([bulk(accepted("Oslo."))])
    threading.Timer(0.2, live_messages.note_received).start()
    began = time.monotonic()
    assert len(take_bulk(patience=60)) == 1
    assert time.monotonic() - began < 60


def test_a_task_does_not_wait_if_the_queue_before_is_empty() -> None:
    began = time.monotonic()
    assert len(take(patience=60)) == 1
    assert time.monotonic() - began < 60


def test_a_full_batch_waits_for_nothing() -> None:
    publish.enqueue([accepted("Oslo.")])
    publish.enqueue_save([with_entities("second")])
    assert len(take(patience=60, characters=100)) == 1


def test_a_message_of_another_task_is_left_to_it() -> None:
    publish.enqueue_save([with_entities("second")])
    publish.enqueue_backfill_step(7)
    publish.enqueue([accepted("Oslo.")])
    assert len(take(patience=60)) == 2
    assert redis_client().llen(publish.SAVE) == 1


def test_patience_ends() -> None:
    publish.enqueue([accepted("Oslo.")])
    assert len(take(patience=0.3)) == 1


def test_the_visibility_of_a_batch_is_extended(settings: Any) -> None:
    settings.VISIBILITY_SECONDS = 0.2
    publish.enqueue_save([with_entities("second")])
    long_ago = 0
    with take_batch(TASK, FIRST, characters=100_000) as deliveries:
        assert len(deliveries) == 2
        client: Any = redis_client()
        (tag,) = client.zrange("unacked_index", 0, -1)
        client.zadd("unacked_index", {tag: long_ago})
        wait_until(
            lambda: client.zscore("unacked_index", tag) > long_ago, seconds=30, what="renewal"
        )
    assert not client.exists("unacked_index")


def test_a_message_that_cannot_be_read_is_part_of_the_batch_and_its_neighbours_stay() -> None:
    """It once gave the whole batch back, again and again."""
    publish.enqueue_save([with_entities("second")])
    with current_app.producer_or_acquire() as producer:
        publish_damaged(producer, "no argument", publish.SAVE)
    publish.enqueue_save([with_entities("third")])
    found = take(patience=0)
    assert [bool(delivery.problem) for delivery in found] == [False, False, True, False]
    assert found[2].payload["body"] == DAMAGES["no argument"]["body"]
    assert not redis_client().exists(publish.SAVE, UNACKED_KEY)
