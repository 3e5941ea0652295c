"""
The consumer of a worker's parent process: each message it receives starts a task.

Celery drops a message that it cannot decode, or whose task it does not know. Others end the worker,
or fail in the child, again and again. Here such a message starts a task that keeps it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import bootsteps
from celery.worker import consumer
from django.conf import settings
from kombu.message import Message

from ingest.broker import publish
from ingest.broker.message_reader import (
    CONTENT_TYPE,
    HEADERS,
    UnreadableMessage,
    as_json,
    read_message,
)
from ingest.process.alive import BEAT_SECONDS


class Heartbeat(bootsteps.StartStopStep):
    """Touches a file while the parent's loop turns; `process/alive.py` says what it means."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        queues = consumer.app.amqp.queues.consume_from
        names = [queue for queue in publish.QUEUES if queue in queues]
        self._file = Path(settings.STATE_DIR, "-".join(("heartbeat", *names)))
        self._file.touch()
        self._timer = consumer.timer.call_repeatedly(BEAT_SECONDS, self._file.touch)

    def stop(self, consumer: Any) -> None:
        self._timer.cancel()
        self._file.unlink(missing_ok=True)


class Consumer(consumer.Consumer):
    """A consumer that judges each message alone, before a task starts."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc, valid-type]
        """Celery's steps and a heartbeat, without the step that makes 28 queues for nothing."""

        default_steps = [
            step
            for step in consumer.Consumer.Blueprint.default_steps
            if "DelayedDelivery" not in step
        ]
        default_steps.append(f"{__name__}:Heartbeat")

    def __init__(self, *args: Any, **options: Any) -> None:
        # Workers would ask each other for revoked tasks, and wait a second. We revoke none.
        super().__init__(*args, **options, without_mingle=True)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], None]:
        """Return the handler of received messages."""
        self._start_task = super().create_task_handler(*args, **options)

        def handle(message: Message) -> None:
            make_readable(message)
            self._start_task(message)

        return handle

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Keep a message that cannot be unpacked."""
        make_readable(message)
        self._start_task(message)


def make_readable(message: Any) -> None:
    """Make an unreadable message a call of the task that keeps it; only here, not on the queue."""
    try:
        read_message(message)
        message.headers = {name: message.headers.get(name) for name in HEADERS}
    except UnreadableMessage as problem:
        kept = as_json(message)
        shown = f"(a message on {kept['queue']}: {problem})"
        message.headers = {
            "lang": "py",
            "task": publish.UNREADABLE_TASK,
            "id": uuid4().hex,
            "argsrepr": shown,
            "kwargsrepr": "{}",
        }
        message.body = json.dumps([[kept, str(problem)], {}, None])
        message.content_type, message.content_encoding = CONTENT_TYPE, "utf-8"
        message.errors, message._decoded_cache = [], None
