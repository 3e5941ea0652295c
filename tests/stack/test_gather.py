"""Messages that a task gathered and cannot settle are on their queue again at once."""

from pathlib import Path

from ingest.stack.running import Stack
from tests.rabbitmq import RabbitMQ

GIVE_BACK = """
from celery import current_app
from ingest import gather, pipeline
from ingest.stack.running import wait_until
from tests.making import accepted

def waiting():
    with current_app.connection_for_read() as connection:
        channel = connection.default_channel
        return channel.queue_declare(pipeline.EXTRACT, passive=True).message_count

pipeline.enqueue([accepted("Oslo.")])
taken = gather._next(pipeline.EXTRACT)
print("taken", taken is not None, waiting())
gather._give_back([taken], channel_lost=True)
wait_until(lambda: waiting() == 1, seconds=10, what="the message waits again")
print("waits", waiting())
"""


def test_what_was_gathered_on_a_channel_that_failed_waits_again(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """
    The connection is closed, not only forgotten.

    One that was forgotten kept its messages: they were on no queue and in no worker's hands, and
    the stack looked drained. The kill test found it.
    """
    settings = {"INGEST_BROKER_URL": rabbitmq.new_host(), "INGEST_STORE": "null"}
    printed = Stack(tmp_path, settings).manage("shell", "-c", GIVE_BACK)
    assert printed.splitlines()[-2:] == ["taken True 0", "waits 1"]
