"""A message is published when its own confirmation came, and not that of another."""

from pathlib import Path

from ingest.devstack.stack import Stack
from tests.support.rabbitmq import RabbitMQ

PUBLISH = """
from urllib.parse import urlsplit
from celery import current_app
from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from tests.support.tcp_proxy import Line
from tests.support.factories import accepted

url = urlsplit(current_app.conf.broker_url)
line = Line(url.port)
current_app.conf.broker_url = url._replace(netloc=f"guest:guest@127.0.0.1:{line.port}").geturl()
current_app.conf.broker_transport_options["read_timeout"] = 1

publish.enqueue([accepted("Lima.")])
line.hold_answers()
try:
    publish.enqueue([accepted("Oslo.")])
except BrokerUnavailable:
    print("not confirmed in time")
line.answer_late()
publish.enqueue([accepted("Rome.")])
with current_app.connection_for_read() as connection:
    channel = connection.default_channel
    print("waiting", channel.queue_declare(publish.EXTRACT, passive=True).message_count)
"""


def test_a_confirmation_that_comes_late_is_not_taken_for_the_next_one(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """
    A publish that failed takes its connection with it: kombu's pool replaces it.

    On the same connection the late confirmation would be read as that of the next message, and a
    message that the broker never saw would be answered with 202.
    """
    settings = {"INGEST_BROKER_URL": rabbitmq.new_host(), "INGEST_STORE": "null"}
    printed = Stack(tmp_path, settings).manage("shell", "-c", PUBLISH)
    assert printed.splitlines()[-2:] == ["not confirmed in time", "waiting 3"]


VANISH = """
from celery import current_app
from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from tests.support.factories import accepted

publish.enqueue([accepted("Lima.")])
with current_app.connection_for_write() as connection:
    connection.default_channel.queue_delete(publish.EXTRACT)
try:
    publish.enqueue([accepted("Oslo.")])
except BrokerUnavailable:
    print("refused")
publish.enqueue([accepted("Rome.")])
with current_app.connection_for_read() as connection:
    channel = connection.default_channel
    print("waiting", channel.queue_declare(publish.EXTRACT, passive=True).message_count)
"""


def test_a_message_for_a_queue_that_is_gone_is_not_taken_for_published(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """RabbitMQ confirms what it drops, unless it is told that the message must arrive."""
    settings = {"INGEST_BROKER_URL": rabbitmq.new_host(), "INGEST_STORE": "null"}
    printed = Stack(tmp_path, settings).manage("shell", "-c", VANISH)
    assert printed.splitlines()[-2:] == ["refused", "waiting 1"]
