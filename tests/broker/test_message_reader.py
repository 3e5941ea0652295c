"""Which messages are readable, and what is kept of the others."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import current_app
from kombu.message import Message

from ingest.broker import publish
from ingest.broker.connection import redis_client
from ingest.broker.message_reader import UnreadableMessage, as_json, from_json, read_message
from ingest.broker.publish import EXTRACT
from tests.support.factories import accepted
from tests.support.unreadable import DAMAGES, GOOD, HEADERS, publish_damaged

EMPTY = '{"headers": [], "properties": {"delivery_tag": "t", "delivery_info": {"a": 1}}}'

# A worker reads these messages, and refuses their argument.
READABLE = {"no posts", "another version", "a strange value"}


@contextmanager
def taken() -> Iterator[Message]:
    """Take a message as a batch does."""
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        (message,) = channel.get_many(EXTRACT, characters=1)
        yield message


@pytest.mark.parametrize("damage", sorted(DAMAGES.keys() - READABLE))
def test_a_damaged_message_is_unreadable_and_kept_whole(damage: str, empty_broker: None) -> None:
    with current_app.connection_for_write() as connection:
        publish_damaged(connection.Producer(), damage, EXTRACT)
    with taken() as message, pytest.raises(UnreadableMessage):
        read_message(message)
    kept = json.loads(json.dumps(as_json(message)))
    assert kept["queue"] == EXTRACT
    with pytest.raises(UnreadableMessage):
        read_message(from_json(kept))
    assert as_json(from_json(kept)) == kept


@pytest.mark.parametrize(
    "entry", ["", "{", "7", "[]", "{}", '{"headers": {"a": 1}}', EMPTY, b"\xff\xfe"]
)
def test_an_entry_that_is_no_message_is_unreadable(entry: str | bytes, empty_broker: None) -> None:
    redis_client().lpush(EXTRACT, entry)
    for _ in range(2):
        with taken() as message, pytest.raises(UnreadableMessage):
            read_message(message)
        assert redis_client().llen(EXTRACT) == 1, "a worker that stops loses it"
    with taken() as message:
        message.ack()
    assert not redis_client().exists(EXTRACT, "unacked")


def test_a_message_of_ours_is_readable_and_so_is_its_copy(empty_broker: None) -> None:
    post = accepted("Oslo.")
    publish.return_posts(EXTRACT, [post], 2)
    with taken() as message:
        call = read_message(message)
    assert (call.task, call.returns) == (publish.EXTRACT_TASK, 2)
    assert call.argument["posts"] == [post.payload()]
    assert call.enqueued_at is not None
    assert read_message(from_json(as_json(message))) == call


def test_a_message_of_another_queue_is_unreadable() -> None:
    message = Message(
        GOOD, content_type="application/json", content_encoding="utf-8", headers=HEADERS
    )
    with pytest.raises(UnreadableMessage, match="another queue"):
        read_message(message)


def test_every_task_of_ours_is_known() -> None:
    current_app.loader.import_default_modules()
    own = {name for name in current_app.tasks if name.startswith("ingest.")}
    assert own == {*publish.TASKS, publish.UNREADABLE_TASK}
