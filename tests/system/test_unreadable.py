"""Messages that no worker can read, among good ones, on every queue of both brokers."""

import re

import pytest

from ingest import samples
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from tests.support import prepared
from tests.support.unreadable import DAMAGES

POSTS = list(samples.read())[:20]

PUBLISH = """
from celery import current_app
from ingest.broker import publish
from tests.support.unreadable import DAMAGES, publish_damaged
with current_app.producer_or_acquire() as producer:
    for queue in current_app.amqp.queues:
        for damage in DAMAGES:
            publish_damaged(producer, damage, queue)
"""


@pytest.mark.parametrize("stack", ["embedded", "rabbitmq", "rabbitmq_4"], indirect=True)
def test_each_becomes_a_dead_letter_and_every_good_post_is_saved(stack: Stack) -> None:
    """They come alone, or among others in a batch."""
    client = prepared.prepare(stack)
    stack.start()
    wait_until(
        lambda: bool(demo.submit(client, POSTS[:10])), seconds=120, what="posts are accepted"
    )
    stack.manage("shell", "-c", PUBLISH)
    demo.submit(client, POSTS[10:])
    stack.manage("shell", "-c", PUBLISH)
    demo.await_empty(client)
    listed = stack.manage("dead_letters", "list")
    assert sum(publication["posts"] for publication in client.publications()) == len(POSTS)
    reasons = re.findall(r"^[0-9a-f]{32}  \w+ +(\w+)", listed, re.M)
    assert set(reasons) == {"unreadable"}
    # One for each message of the two steps, however often it came.
    assert len(reasons) >= 2 * len(DAMAGES) - 3
    assert "died" not in stack.log.read_text()
