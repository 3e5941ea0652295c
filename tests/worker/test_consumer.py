"""What the consumer makes of a received message before its task starts."""

from typing import Any

import pytest
from kombu.message import Message

from ingest.broker import publish
from ingest.broker.message_reader import as_json
from ingest.worker.consumer import Consumer, make_readable
from tests.support.unreadable import DAMAGES, GOOD, HEADERS


def received(**changes: Any) -> Message:
    """Return a message as it comes from the queue."""
    fields = {
        "body": GOOD,
        "headers": HEADERS,
        "content_type": "application/json",
        "content_encoding": "utf-8",
        **changes,
    }
    return Message(**fields, delivery_info={"routing_key": publish.SAVE}, delivery_tag="7")


@pytest.mark.parametrize("damage", ["no JSON", "no headers", "an unknown task", "packed badly"])
def test_an_unreadable_message_calls_the_task_that_keeps_it(damage: str) -> None:
    message = received(**DAMAGES[damage])
    kept = as_json(message)
    make_readable(message)
    assert message.headers["task"] == publish.UNREADABLE_TASK
    (found, problem), keywords, _ = message.payload
    assert (found, keywords) == (kept, {})
    assert problem
    assert message.delivery_tag == "7", "the acknowledgement would be for another message"


def test_a_readable_message_keeps_only_headers_that_no_task_can_be_delayed_by() -> None:
    late = {"eta": "2999-01-01T00:00:00+00:00", "expires": "x", "timelimit": [0.1, 0.1]}
    message: Any = received(headers={**HEADERS, **late, publish.ENQUEUED_AT: 7.5})
    make_readable(message)
    assert message.headers["task"] == publish.EXTRACT_TASK
    assert message.headers[publish.ENQUEUED_AT] == 7.5
    assert not message.headers.keys() & late.keys()


def test_a_worker_makes_no_queues_for_delayed_messages() -> None:
    """Beside quorum queues, Celery makes 28 of them."""
    assert not [step for step in Consumer.Blueprint.default_steps if "Delayed" in step]
