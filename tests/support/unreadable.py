"""Messages that no task can read, each damaged in one way."""

import json
from typing import Any

from kombu import Producer

from ingest.broker import publish

GOOD = json.dumps([[{"version": 1, "posts": []}], {}, {"chain": None}])
HEADERS = {"id": "1", "task": publish.EXTRACT_TASK, "lang": "py"}

STRANGE = f'{{"__type__": "uuid", "__value__": {{"hex": "{"0" * 32}"}}}}'

# Each is what differs from a message of ours.
DAMAGES: dict[str, dict[str, Any]] = {
    "no JSON": {"body": "{"},
    "no UTF-8": {"body": b"[[\xff\xfe], {}, {}]"},
    "a number": {"body": "7"},
    "nothing": {"body": ""},
    "nested": {"body": "[" * 100_000},
    "an unknown type": {"body": '[[{"__type__": "unknown", "__value__": 1}], {}, {}]'},
    "no argument": {"body": "[[], {}, {}]"},
    "two arguments": {"body": "[[1, 2], {}, {}]"},
    "a keyword": {"body": '[[1], {"task": 2}, {}]'},
    "a task in its wake": {"body": '[[1], {}, {"chain": [{"task": "x"}]}]'},
    "the first protocol": {"body": '{"task": "ingest.extract_posts", "id": "1", "args": [1]}'},
    "pickle": {"content_type": "application/x-python-serialize", "body": b"\x80\x04N."},
    "an unknown content type": {"content_type": "text/x-unknown"},
    "packed badly": {"headers": {**HEADERS, "compression": "gzip"}},
    "no headers": {"headers": {}},
    "no id": {"headers": {"task": publish.EXTRACT_TASK}},
    "an unknown task": {"headers": {**HEADERS, "task": "ingest.of_tomorrow"}},
    "a task that no message calls": {"headers": {**HEADERS, "task": publish.UNREADABLE_TASK}},
    "a bad time": {"headers": {**HEADERS, publish.ENQUEUED_AT: "noon"}},
    # The worker reads these, but not their argument.
    "no posts": {"body": '[["posts"], {}, null]'},
    "another version": {"body": '[[{"version": 9, "posts": []}], {}, {}]'},
    "a strange value": {"body": f"[[{STRANGE}], {{}}, {{}}]"},
}


def publish_damaged(producer: Producer, damage: str, queue: str) -> None:
    """Put a message on a queue with one damage."""
    message = {
        "body": GOOD,
        "headers": HEADERS,
        "content_type": "application/json",
        "content_encoding": "utf-8",
        **DAMAGES[damage],
    }
    body = message.pop("body")
    raw = body.encode() if isinstance(body, str) else body
    producer.publish(raw, **message, routing_key=queue, serializer=None)
