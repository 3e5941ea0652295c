"""Admission control on RabbitMQ, whose broker may misreport what a queue holds."""

from pathlib import Path

from ingest.devstack.stack import Stack
from tests.support import prepared
from tests.support.rabbitmq import RabbitMQ

PRINT_BACKLOG = """
from celery import current_app
from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from ingest.broker.admission import get_admission
from tests.support.factories import accepted

def print_backlog():
    try:
        backlog = get_admission().backlog()
        print("waiting", backlog.waiting[publish.EXTRACT], "empty", backlog.empty)
    except BrokerUnavailable:
        print("unknown")

current_app.conf.broker_transport_options["read_timeout"] = 1
print_backlog()
"""
ENQUEUE = """
publish.enqueue([accepted("Oslo.")])
print_backlog()
"""


def test_a_queue_that_is_too_busy_to_answer_does_not_count_as_empty(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """RabbitMQ reports such a queue as empty and without consumers."""
    host = rabbitmq.new_host()
    stack = Stack(tmp_path, {"INGEST_BROKER_URL": host, "INGEST_STORE": "null"})
    prepared.migrate(stack)
    printed = stack.manage("shell", "-c", PRINT_BACKLOG + ENQUEUE)
    assert printed.splitlines()[-2:] == ["waiting 0 empty True", "waiting 1 empty False"]

    name = host.rsplit("/", 1)[1]
    rabbitmq.freeze(name, "extract")
    printed = stack.manage("shell", "-c", PRINT_BACKLOG)
    rabbitmq.thaw(name, "extract")
    assert printed.splitlines()[-1] == "unknown"
