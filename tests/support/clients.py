"""Clients of the API in the tests' own process."""

import json
from base64 import b64decode
from typing import Any

from django.test import Client

from ingest.broker import connection
from ingest.broker.publish import EXTRACT
from ingest.models import ApiKey


def keyed(scopes: list[str], **limits: Any) -> Client:
    """Return a client with a key of these scopes."""
    name = f"key {ApiKey.objects.count()} for {scopes}"
    _, secret = ApiKey.create(name, scopes=scopes, **limits)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def send(client: Client, body: Any) -> Any:
    """Post a body as JSON."""
    return client.post("/api/posts", json.dumps(body), content_type="application/json")


def queued() -> list[dict[str, Any]]:
    """Return the posts that wait on the extract queue."""
    messages = connection.redis_client().lrange(EXTRACT, 0, -1)
    bodies = [json.loads(b64decode(json.loads(m)["body"])) for m in messages]
    return [post for args, _, _ in reversed(bodies) for post in args[0]["posts"]]
