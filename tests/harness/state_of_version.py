"""
Keep the state of this version for the tests of the next one, as data.

    python -m tests.harness.state_of_version tests/data/VERSION

Writes `state.tar.xz`, a state folder with a key, saved posts, a dead letter and messages on both
queues, and `documents.json`, the documents of a Firestore store. Run it before a version changes
its number.
"""

import base64
import json
import signal
import subprocess
import sys
import tarfile
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from google.cloud.firestore_v1 import Client

import tests.harness  # noqa: F401  (first: it chooses the ports)
from ingest.devstack import demo
from ingest.devstack.ports import listens
from ingest.devstack.stack import Stack, wait_until
from tests.support import servers
from tests.support.factories import NOON, entity, with_entities
from tests.support.stores import firestore_of, new_project

KEPT = ("ingest.sqlite3", "counts.sqlite3", "broker", "secret_key", "broker_password", "store")
CONTENT = "Angela Merkel met Barack Obama in Berlin."
POSTS: list[demo.PostBody] = [
    {"publication": "The Gazette", "id": "saved", "content": CONTENT},
    {"publication": "The Gazette", "id": "edited", "content": "Barack Obama went to Oslo."},
    {"publication": "The Gazette", "id": "edited", "content": "Barack Obama went to Paris."},
    {"publication": "The Gazette", "id": "deleted", "content": CONTENT},
    {"publication": "The Gazette", "id": "dead", "content": CONTENT, "language": "de"},
]
# What a worker of this version would have put on the queues.
PUBLISH = """
from ingest.broker import publish
from tests.support.factories import accepted, entity, with_entities
publish.enqueue([accepted("Barack Obama met Angela Merkel in London.", id="queued")])
publish.enqueue_save([with_entities("extracted", [entity("Barack Obama")])])
publish.enqueue_summary("0" * 32)
"""


def keep_state(file: Path) -> None:
    """Fill the state folder of a stack on one machine, and pack it."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), {"INGEST_STORE": "sql", "INGEST_EXTRACT_CONCURRENCY": "1"})
        client = stack.prepare()
        stack.start()
        for post in POSTS:
            (accepted,) = demo.submit(client, [post])
            demo.await_empty(client)
            if post["id"] == "deleted":
                client.delete(accepted)
        stack.stop()
        with _embedded_broker(stack):
            stack.manage("shell", "--no-imports", "-c", PUBLISH)
        key = Path(folder, "key")
        key.write_text(client.headers["Authorization"].split()[-1])
        with tarfile.open(file, "w:xz") as archive:
            for name in ("key", *KEPT):
                archive.add(Path(folder, name), name)


@contextmanager
def _embedded_broker(stack: Stack) -> Iterator[None]:
    command = [sys.executable, "-m", "ingest.devstack.valkey"]
    port = int(stack.environment["INGEST_BROKER_PORT"])
    with subprocess.Popen(command, env=stack.environment) as broker:
        wait_until(lambda: listens(port), seconds=20, what="the broker listens")
        yield
        broker.send_signal(signal.SIGTERM)


def keep_documents(file: Path) -> None:
    """Fill a Firestore store, and write its documents."""
    with servers.emulator():
        store = firestore_of(new_project())
        found = [entity("Barack Obama", 2), entity("Oslo", label="GPE")]
        store.add([with_entities(name, found) for name in ("1", "2", "3")])
        store.remove(with_entities("3").post_id, at=NOON)
        publication = store.publication("The Gazette")
        assert publication
        store.keep_summary(publication.id, "{}", as_of=NOON)
        documents = dict(_documents(store._client))
    file.write_text(json.dumps(documents, indent=1, sort_keys=True, default=_as_json) + "\n")


def _documents(client: Client) -> Iterator[tuple[str, Any]]:
    todo = list(client.collections())
    while todo:
        for snapshot in todo.pop().stream():
            yield snapshot.reference.path, snapshot.to_dict()
            todo += snapshot.reference.collections()


def _as_json(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    assert isinstance(value, datetime)
    return {"$time": value.isoformat()}


def main() -> int:
    """Write both files into the folder that the command line names."""
    parser = ArgumentParser(prog="python -m tests.harness.state_of_version")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    keep_state(folder / "state.tar.xz")
    keep_documents(folder / "documents.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
