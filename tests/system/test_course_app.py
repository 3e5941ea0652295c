"""The faults of the course's app that only a whole stack can show to be absent."""

import json
import signal
import uuid
from itertools import chain
from pathlib import Path

from kombu import Connection, Queue

from ingest import samples
from ingest.broker.publish import DEAD_QUEUE, EXTRACT, EXTRACT_TASK, RETURNS
from ingest.core.messages import ExtractMessage
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from ingest.worker.failure_isolation import MAX_RETURNS
from tests.support import prepared
from tests.support.factories import accepted
from tests.support.processes import end, kill, main_and_children, processes
from tests.support.rabbitmq import RabbitMQ
from tests.support.stores import project_settings

POSTS = list(samples.read())
# The embedded broker delivers the messages of killed workers again after six seconds.
SOON = {"INGEST_VISIBILITY_SECONDS": "6", "INGEST_MERGE_SECONDS": "2"}


def fresh(count: int) -> list[dict[str, str]]:
    """Return so many posts, each with an id of its own."""
    return [{**POSTS[n % len(POSTS)], "id": uuid.uuid4().hex} for n in range(count)]


def test_1_2_3_7_a_stack_saves_every_post_through_kills_and_a_stop(
    stack: Stack, firestore: FirestoreStore
) -> None:
    """One stack shows four of them, since each start takes seconds."""
    stack.environment |= SOON
    client = prepared.prepare(stack)
    stack.start()

    # 1, 7: the workers process the first message, and its post can be read once it is saved.
    (first,) = demo.submit(client, fresh(1))
    wait_until(lambda: firestore.post(first) is not None, seconds=60, what="the post is saved")

    # 3: after the workers are killed, the web server goes on and the workers restart.
    for process in chain(*main_and_children(stack, "-A ingestsite worker")):
        kill(process)
    accepted = demo.submit(client, fresh(1)) | {first}
    demo.await_empty(client)

    # 2: the stack stops at a SIGTERM with a backlog of 300, and loses nothing.
    accepted |= demo.submit(client, fresh(300))
    stack.stop(by=signal.SIGTERM)
    saved = sum(publication.posts for publication in firestore.publications())
    assert saved == len(accepted) == 302
    assert processes(stack) == []


def test_8_a_post_delivered_too_often_is_a_dead_letter_whose_replay_counts_once(
    rabbitmq: RabbitMQ, tmp_path: Path, firestore: FirestoreStore
) -> None:
    """Return a message to RabbitMQ more often than its limit, before any worker sees it."""
    settings = {
        "INGEST_BROKER_URL": rabbitmq.new_host(),
        **project_settings(firestore._client.project),
        "INGEST_DELIVERY_LIMIT": "5",
    }
    stack = Stack(tmp_path, settings)
    client = prepared.prepare(stack)
    post = accepted("Oslo.")
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 5,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": DEAD_QUEUE,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    with Connection(settings["INGEST_BROKER_URL"]) as connection:
        channel = connection.default_channel
        queue = Queue(EXTRACT, routing_key=EXTRACT, queue_arguments=arguments)(channel)
        queue.declare()
        unlimited = {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1}
        Queue(DEAD_QUEUE, routing_key=DEAD_QUEUE, queue_arguments=unlimited)(channel).declare()
        body = json.dumps([[ExtractMessage(posts=(post,)).payload()], {}, {}])
        connection.Producer().publish(
            body,
            routing_key=EXTRACT,
            content_type="application/json",
            content_encoding="utf-8",
            # It has a message of its own since the first time, and reached the limit before.
            headers={"task": EXTRACT_TASK, "id": "1", "lang": "py", RETURNS: MAX_RETURNS},
        )
        for _ in range(6):
            wait_until(lambda: _give_back(queue), seconds=10, what="the message is delivered")
    try:
        stack.start()
        wait_until(
            lambda: client.status()["dead_letters"] == 1, seconds=60, what="there is a dead letter"
        )
        dead_letters = stack.manage("dead_letters", "list")
        assert post.post_id in dead_letters
        assert "delivered its message too often" in dead_letters
        assert firestore.post(post.post_id) is None
        stack.manage("dead_letters", "replay", post.post_id)
        demo.await_empty(client)
        client.submit([{"publication": post.publication, "content": post.content}])
        demo.await_empty(client)
        assert client.status()["dead_letters"] == 0
    finally:
        end(stack)
    publication = firestore.publication(post.publication)
    assert publication is not None
    assert publication.posts == 1


def _give_back(queue: Queue) -> bool:
    message = queue.get()
    if message is not None:
        message.requeue()
    return message is not None
