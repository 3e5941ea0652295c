"""A message is published as Celery's own `send_task` would publish it."""

from typing import Any

from celery import current_app
from kombu import Connection, Queue

from ingest.broker.publish import EXTRACT, EXTRACT_TASK, _send

OWN = {"id", "root_id", "enqueued_at"}  # those that differ from message to message
ARGUMENT = {"version": 1, "posts": []}


def test_a_message_is_that_of_celery() -> None:
    with Connection("memory://") as connection:
        channel: Any = connection.channel()
        Queue(EXTRACT, routing_key=EXTRACT, channel=channel).declare()
        producer = current_app.amqp.Producer(channel)
        _send(EXTRACT_TASK, EXTRACT, ARGUMENT, producer, shown="0 posts")
        current_app.send_task(
            EXTRACT_TASK,
            (ARGUMENT,),
            queue=EXTRACT,
            producer=producer,
            argsrepr="(0 posts)",
            kwargsrepr="{}",
            ignore_result=True,
            mandatory=True,
            retry=False,
        )
        ours, celerys = (_described(channel.basic_get(EXTRACT)) for _ in range(2))
    assert ours == celerys


def _described(message: Any) -> tuple[Any, ...]:
    """Return what two equal messages have in common."""
    headers = {name: value for name, value in message.headers.items() if name not in OWN}
    delivery = {name: message.delivery_info[name] for name in ("exchange", "routing_key")}
    kind = message.content_type, message.content_encoding, message.properties["delivery_mode"]
    return headers, delivery, kind, bytes(message.body)
