"""The gate of RabbitMQ, where what the broker says is not what the queue holds."""

from pathlib import Path

from ingest.devstack.stack import Stack
from tests.support.rabbitmq import RabbitMQ

LOOK = """
from celery import current_app
from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from ingest.broker.admission import get_admission
from tests.support.factories import accepted

def look():
    try:
        backlog = get_admission().backlog()
        print("waiting", backlog.waiting[publish.EXTRACT], "empty", backlog.empty)
    except BrokerUnavailable:
        print("nobody knows")

current_app.conf.broker_transport_options["read_timeout"] = 1
look()
"""
ENQUEUE_AND_LOOK = """
publish.enqueue([accepted("Oslo.")])
look()
"""


def test_a_queue_that_is_too_busy_to_answer_is_not_taken_for_empty(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """RabbitMQ says of such a queue that nothing waits and nobody takes from it."""
    host = rabbitmq.new_host()
    stack = Stack(tmp_path, {"INGEST_BROKER_URL": host, "INGEST_STORE": "null"})
    stack.manage("migrate", "--verbosity", "0")
    printed = stack.manage("shell", "-c", LOOK + ENQUEUE_AND_LOOK)
    assert printed.splitlines()[-2:] == ["waiting 0 empty True", "waiting 1 empty False"]

    name = host.rsplit("/", 1)[1]
    rabbitmq.freeze(name, "extract")
    printed = stack.manage("shell", "-c", LOOK)
    rabbitmq.thaw(name, "extract")
    assert printed.splitlines()[-1] == "nobody knows"
