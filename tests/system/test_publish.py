"""A message counts as published only after its own confirmation by RabbitMQ."""

from pathlib import Path

from ingest.devstack.stack import Stack
from tests.support import prepared
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


def test_a_late_confirmation_does_not_confirm_the_next_message(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """
    A failed publish closes its connection, and kombu's pool replaces it.

    On the same connection, the next publish would read the late confirmation as its own. The API
    would answer 202 for a message that the broker never received.
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


def test_a_message_for_a_deleted_queue_does_not_count_as_published(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """RabbitMQ confirms a message that it drops, unless the message is marked mandatory."""
    settings = {"INGEST_BROKER_URL": rabbitmq.new_host(), "INGEST_STORE": "null"}
    printed = Stack(tmp_path, settings).manage("shell", "-c", VANISH)
    assert printed.splitlines()[-2:] == ["refused", "waiting 1"]


DEAD_CONNECTION = """
from celery import current_app
from ingest.broker import publish
from ingest.broker.admission import get_admission
from tests.support.factories import accepted

def send(text):
    with get_admission().admit() as producer:
        publish.enqueue([accepted(text)], through=producer)
        return producer

send("Lima.").connection.connection.sock.shutdown(2)
send("Oslo.")
with current_app.connection_for_read() as connection:
    channel = connection.default_channel
    print("waiting", channel.queue_declare(publish.EXTRACT, passive=True).message_count)
"""


def test_a_dead_connection_of_the_pool_costs_no_request(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """After a restart of RabbitMQ, the first request on each connection was answered with 503."""
    settings = {"INGEST_BROKER_URL": rabbitmq.new_host(), "INGEST_STORE": "null"}
    stack = Stack(tmp_path, settings)
    prepared.migrate(stack)
    assert stack.manage("shell", "-c", DEAD_CONNECTION).splitlines()[-1] == "waiting 2"
