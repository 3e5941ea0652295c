"""The atomic take: a message is always on the queue or recorded as unacknowledged."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from kombu import Connection, Consumer, Queue
from kombu.asynchronous import Hub

from ingest.broker import redis_transport
from ingest.broker.admission.redis import UNACKED_KEY
from ingest.broker.connection import redis_client
from ingest.devstack.stack import wait_until

pytestmark = pytest.mark.usefixtures("empty_broker")

QUEUE = Queue("torn", routing_key="torn")


@pytest.fixture
def connection() -> Iterator[Connection]:
    """Return a connection of the app's, through our transport."""
    with current_app.connection_for_write() as connection:
        assert isinstance(connection.transport, redis_transport.Transport)
        yield connection


def publish(connection: Connection, bodies: range) -> None:
    """Put messages on the queue."""
    producer = connection.Producer()
    for body in bodies:
        producer.publish(body, routing_key=QUEUE.name, declare=[QUEUE])


def test_messages_come_in_order_and_are_gone_when_acknowledged(connection: Connection) -> None:
    publish(connection, range(5))
    bodies: list[int] = []

    def receive(body: int, message: object) -> None:
        bodies.append(body)
        message.ack()  # type: ignore[attr-defined]

    with Consumer(connection, [QUEUE], callbacks=[receive]):
        for _ in range(5):
            connection.drain_events(timeout=5)
    assert bodies == [0, 1, 2, 3, 4]
    assert redis_client().hlen(UNACKED_KEY) == 0


def test_an_unacknowledged_message_is_recorded(connection: Connection) -> None:
    publish(connection, range(1))
    message = QUEUE(connection.default_channel).get()
    assert message is not None
    assert redis_client().hlen(UNACKED_KEY) == 1
    assert redis_client().llen(QUEUE.name) == 0
    message.requeue()
    assert redis_client().hlen(UNACKED_KEY) == 0
    assert redis_client().llen(QUEUE.name) == 1
    again = QUEUE(connection.default_channel).get()
    assert again is not None
    assert again.delivery_info["redelivered"]
    again.ack()


def test_a_message_that_needs_no_acknowledgement_leaves_no_record(connection: Connection) -> None:
    publish(connection, range(2))
    assert QUEUE(connection.default_channel).get(no_ack=True) is not None
    with Consumer(connection, [QUEUE], callbacks=[lambda *_: None], no_ack=True):
        connection.drain_events(timeout=5)
    assert redis_client().hlen(UNACKED_KEY) == 0


def test_messages_are_taken_and_acknowledged_together(connection: Connection) -> None:
    publish(connection, range(5))
    channel = connection.default_channel
    assert isinstance(channel, redis_transport.Channel)
    client: Any = redis_client()
    size = max(len(raw) for raw in client.lrange(QUEUE.name, 0, -1))
    taken = channel.get_many(QUEUE.name, characters=2 * size + 1)
    assert [message.payload for message in taken] == [0, 1, 2]
    assert client.hlen(UNACKED_KEY) == client.zcard("unacked_index") == 3
    channel.ack_many(taken)
    assert client.hlen(UNACKED_KEY) == client.zcard("unacked_index") == 0
    rest = channel.get_many(QUEUE.name, characters=1_000_000)
    assert [message.payload for message in rest] == [3, 4]
    assert channel.get_many(QUEUE.name, characters=1) == []
    channel.close()
    assert client.llen(QUEUE.name) == 2, "the messages of a lost channel do not come again"


def test_a_buffered_message_is_not_on_the_queue(connection: Connection) -> None:
    channel = connection.default_channel
    assert isinstance(channel, redis_transport.Channel)
    with channel.buffer_publishes() as messages:
        publish(connection, range(2))
    assert [queue for queue, _ in messages] == [QUEUE.name] * 2
    assert redis_client().llen(QUEUE.name) == 0
    publish(connection, range(1))
    assert redis_client().llen(QUEUE.name) == 1


def test_a_message_with_extended_visibility_is_not_delivered_again(connection: Connection) -> None:
    publish(connection, range(2))
    channel = connection.default_channel
    assert isinstance(channel, redis_transport.Channel)
    client: Any = redis_client()
    qos: Any = channel.qos
    long_ago = 0
    extended = QUEUE(channel).get()
    assert extended is not None
    client.zadd("unacked_index", {extended.delivery_tag: long_ago})
    channel.extend_visibility()
    qos.restore_visible()
    assert client.llen(QUEUE.name) == 1, "it was delivered again"

    extended.ack()
    channel.extend_visibility()
    assert client.zcard("unacked_index") == 0, "an acknowledged message came back"

    lost = QUEUE(channel).get()
    assert lost is not None
    client.zadd("unacked_index", {lost.delivery_tag: long_ago})
    qos._vrestore_count = 0  # it looks at every tenth call
    qos.restore_visible()
    assert client.llen(QUEUE.name) == 1, "a message of no worker is not delivered again"


def test_a_worker_s_event_loop_extends_the_visibility_of_its_messages(
    connection: Connection,
) -> None:
    connection.transport_options = {
        **(connection.transport_options or {}),
        "visibility_timeout": 8,
    }
    publish(connection, range(1))
    message = QUEUE(connection.default_channel).get()
    assert message is not None
    client: Any = redis_client()
    tag = message.delivery_tag
    taken = client.zscore("unacked_index", tag)
    loop = Hub()
    connection.register_with_event_loop(loop)

    def is_extended() -> bool:
        loop.fire_timers()
        return bool(client.zscore("unacked_index", tag) > taken)

    wait_until(is_extended, seconds=30, what="the loop has extended it")


def test_a_worker_empties_a_server_that_has_no_memory_left(connection: Connection) -> None:
    """The command that waits for a message needs memory, so a full server stayed full."""
    publish(connection, range(3))
    client = redis_client()
    bodies: list[int] = []

    def receive(body: int, message: Any) -> None:
        bodies.append(body)
        message.ack()

    with Consumer(connection, [QUEUE], callbacks=[receive]):
        client.config_set("maxmemory", 1)
        try:
            for _ in range(3):
                connection.drain_events(timeout=5)
        finally:
            client.config_set("maxmemory", 0)
    assert bodies == [0, 1, 2]
    assert client.hlen(UNACKED_KEY) == 0


def test_bulk_messages_have_a_fifth_of_the_takes_while_live_ones_wait(
    connection: Connection,
) -> None:
    live, bulk = (Queue(name, routing_key=name) for name in ("extract", "extract.bulk"))
    producer = connection.Producer()
    for queue, count in ((bulk, 6), (live, 10)):
        for number in range(count):
            producer.publish(f"{queue.name} {number}", routing_key=queue.name, declare=[queue])
    bodies: list[str] = []

    def receive(body: str, message: Any) -> None:
        bodies.append(body)
        message.ack()

    with Consumer(connection, [bulk, live], callbacks=[receive]):
        for _ in range(16):
            connection.drain_events(timeout=5)
    first = ["extract"] * 4 + ["extract.bulk"] + ["extract"] * 4 + ["extract.bulk"]
    assert [body.split()[0] for body in bodies[:10]] == first
    assert len(set(bodies)) == 16
    assert redis_client().hlen(UNACKED_KEY) == 0


def test_a_channel_takes_from_the_queues_of_one_step(connection: Connection) -> None:
    second = Queue("second", routing_key="second")
    with (
        Consumer(connection, [QUEUE, second], callbacks=[lambda *_: None]),
        pytest.raises(RuntimeError, match="one step"),
    ):
        connection.drain_events(timeout=1)


CONSUMER = """
from ingestsite.celery import app
from tests.broker.test_redis_transport import Consumer, Queue
queues = [Queue(name, routing_key=name) for name in ("extract", "extract.bulk")]
with app.connection_for_read() as connection:
    with Consumer(connection, queues, callbacks=[lambda *_: None]):
        while True:
            connection.drain_events()
"""


def test_a_busy_consumer_that_is_killed_loses_nothing(connection: Connection) -> None:
    """Kill one that takes and never acknowledges: each message is waiting or recorded."""
    client: Any = redis_client()
    count = 2000
    producer = connection.Producer()
    queues = ("extract", "extract.bulk")
    for number in range(count):
        name = queues[number % 2]
        producer.publish(number, routing_key=name, declare=[Queue(name, routing_key=name)])

    def waiting() -> int:
        return sum(client.llen(name) for name in queues)

    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", CONSUMER], env=os.environ)
        enough = waiting() - 100
        wait_until(lambda: waiting() <= enough, seconds=30, what="it is busy")  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert waiting() > 0, "it was idle when it was killed"
        assert waiting() + client.hlen(UNACKED_KEY) == count
        assert client.hlen(UNACKED_KEY) == client.zcard("unacked_index")
