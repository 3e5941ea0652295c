"""A batch that a task cannot acknowledge is on its queue again at once."""

from pathlib import Path

from ingest.devstack.stack import Stack
from tests.support.rabbitmq import RabbitMQ

GIVE_BACK = """
from celery import current_app
from ingest.broker import publish
from ingest.worker import batching
from ingest.devstack.stack import wait_until
from tests.support.factories import accepted

def waiting():
    with current_app.connection_for_read() as connection:
        channel = connection.default_channel
        return channel.queue_declare(publish.EXTRACT, passive=True).message_count

publish.enqueue([accepted("Oslo.")])
taken = batching._waiting(publish.EXTRACT, 1)
print("taken", len(taken), waiting())
batching._give_back(taken, channel_lost=True)
wait_until(lambda: waiting() == 1, seconds=10, what="the message waits again")
print("waits", waiting())
"""

ACKNOWLEDGE = """
from types import SimpleNamespace
from celery.exceptions import Reject
from ingest.broker import publish
from ingest.worker import batching
from ingest.core.messages import SaveMessage
from tests.support.factories import with_entities

request = SimpleNamespace(delivery_info={"routing_key": "save"})
task = SimpleNamespace(name=publish.SAVE_TASK, request=request)
own = SaveMessage(posts=(with_entities("own"),)).payload()
for error in (None, ValueError("bad"), OSError("away"), SystemExit()):
    publish.enqueue_save([with_entities("other")])
    try:
        with batching.take_batch(task, own, characters=100_000) as found:
            assert len(found) > 1
            batching._connection().connection.sock.shutdown(2)
            if error:
                raise error
    except Reject as rejected:
        print("rejected", rejected.requeue)
"""


def test_a_batch_whose_channel_failed_waits_again(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """
    The task closes the connection and does not only drop its reference.

    An open connection without a reference kept its messages. They were neither on a queue nor in
    progress, so the stack seemed drained. The kill test found this.
    """
    settings = {"INGEST_BROKER_URL": rabbitmq.new_host(), "INGEST_STORE": "null"}
    printed = Stack(tmp_path, settings).manage("shell", "-c", GIVE_BACK)
    assert printed.splitlines()[-2:] == ["taken 1 0", "waits 1"]


def test_only_reject_leaves_a_batch_that_cannot_be_acknowledged(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """
    Celery acknowledges the message of a task that raises anything else.

    The connection to the broker is broken, so the task can neither acknowledge the batch nor return
    it. The error of that must not leave the block either.
    """
    settings = {"INGEST_BROKER_URL": rabbitmq.new_host(), "INGEST_STORE": "null"}
    printed = Stack(tmp_path, settings).manage("shell", "-c", ACKNOWLEDGE)
    assert printed.splitlines()[-4:] == ["rejected True"] * 4
