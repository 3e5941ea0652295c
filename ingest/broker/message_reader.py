"""
Reading a message of the broker, which any program or version may have put on a queue.

A message of ours calls one of our tasks with one argument, as JSON. Everything else is unreadable:
another content type, a damaged body, a task that this version does not know, further arguments. A
dead letter keeps such a message as it was, and a later version may read it again.
"""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kombu.message import Message

from ingest.broker.publish import DEAD_QUEUE, ENQUEUED_AT, QUEUES, RETURNS, TASKS

CONTENT_TYPE = "application/json"

# The headers that a worker uses. Others could delay a message, let it expire, or limit its task.
HEADERS = ("lang", "task", "id", "origin", "argsrepr", "kwargsrepr", ENQUEUED_AT, RETURNS)

# Where RabbitMQ notes the queue that a message of the dead queue was on.
FIRST_QUEUE = "x-first-death-queue"


class UnreadableMessage(Exception):
    """This version cannot read the message; the text says why."""


@dataclass(frozen=True)
class TaskCall:
    """
    What a readable message says: a task, its argument, and headers of ours.

    `enqueued_at` is in seconds since 1970; None for a message of an older version. `returns` counts
    how often the message reached the broker's delivery limit.
    """

    task: str
    argument: Any
    enqueued_at: float | None
    returns: int


def read_message(message: Message) -> TaskCall:
    """
    Read a message.

    Raises:
        UnreadableMessage: it is not one that this version reads.
    """
    headers = message.headers
    if message.errors:
        raise UnreadableMessage(f"it cannot be unpacked: {message.errors[0][1]}")
    if not isinstance(headers, dict) or not isinstance(headers.get("id"), str):
        raise UnreadableMessage("its headers have no id")
    queue = (message.delivery_info or {}).get("routing_key")
    if queue not in (*QUEUES, DEAD_QUEUE):
        raise UnreadableMessage(f"it is for another queue: {queue!r:.200}")
    task = headers.get("task")
    if not isinstance(task, str) or task not in TASKS:
        raise UnreadableMessage(f"this version has no task {task!r:.200}")
    return TaskCall(
        task,
        _argument(message),
        _number(headers, ENQUEUED_AT),
        int(_number(headers, RETURNS) or 0),
    )


def _number(headers: Mapping[str, Any], name: str) -> float | None:
    value = headers.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnreadableMessage(f"its header {name} is no number")
    return float(value)


def _argument(message: Message) -> Any:
    """Return the only argument of the call in the body."""
    message.accept = {CONTENT_TYPE}
    try:
        call = message.payload
    except Exception as error:  # a decoder may raise anything
        raise UnreadableMessage(f"its body cannot be decoded: {error!r:.500}") from error
    match call:
        case [[argument], {**keywords}, embed] if not keywords and not _follow_ups(embed):
            return argument
    raise UnreadableMessage("its body is not a call with one argument")


def _follow_ups(embed: Any) -> bool:
    """Return whether a call has further tasks in its wake, which Celery would start."""
    return any(embed.values()) if isinstance(embed, dict) else embed is not None


def as_json(message: Message) -> dict[str, Any]:
    """Return a message as JSON types, for `from_json` to make it again."""
    headers = message.headers if isinstance(message.headers, dict) else {}
    queue = (message.delivery_info or {}).get("routing_key")
    if queue == DEAD_QUEUE:
        queue = headers.get(FIRST_QUEUE, queue)
    packed = "" if message.errors else "compression"  # the body is unpacked, if that went well
    return {
        "queue": str(queue),
        # RabbitMQ counts deliveries in headers of its own, which differ each time.
        "headers": {
            str(name): value if isinstance(value, str | int | float) else str(value)
            for name, value in headers.items()
            if value is not None and name not in (packed, "redelivered") and name[:2] != "x-"
        },
        "content_type": message.content_type,
        "content_encoding": message.content_encoding,
        **_body(message.body),
    }


def _body(body: Any) -> dict[str, str]:
    if isinstance(body, bytes | bytearray | memoryview):
        try:
            return {"body": bytes(body).decode()}
        except UnicodeDecodeError:
            return {"body_base64": base64.b64encode(bytes(body)).decode()}
    return {"body": body if isinstance(body, str) else repr(body)}


def from_json(kept: Mapping[str, Any]) -> Message:
    """Make a message again from what `as_json` returned."""
    body: Any = kept.get("body")
    if body is None:
        body = base64.b64decode(kept["body_base64"])
    return Message(
        body,
        content_type=kept["content_type"],
        content_encoding=kept["content_encoding"],
        headers=dict(kept["headers"]),
        delivery_info={"routing_key": kept["queue"]},
    )
