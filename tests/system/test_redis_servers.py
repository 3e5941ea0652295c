"""Other Redis servers than the embedded one: by a socket, by TLS, and by Sentinel."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.support import prepared, valkey
from tests.support.processes import end, main_and_children
from tests.support.stores import project_settings

MASTER = "queues"
POSTS = list(samples.read())[:10]

TAKE = """
from celery import current_app
from ingest.broker import publish, redis_transport
from ingest.broker.admission import get_admission
from tests.support.factories import accepted

with get_admission().admit() as producer:
    publish.enqueue([accepted("Oslo."), accepted("Lima.")], through=producer)
print("waiting", get_admission().backlog().waiting["extract"])
with current_app.connection_for_read() as connection:
    channel = connection.default_channel
    (message,) = channel.get_many("extract", characters=1)
    print("in progress", get_admission().backlog().in_progress)
    channel.ack_many([message])
print("ours", isinstance(channel, redis_transport.Channel), get_admission().backlog().empty)
"""


@pytest.fixture(params=["socket", "tls", "sentinel"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a server of each kind."""
    kinds = {
        "socket": valkey.with_socket(tmp_path),
        "tls": valkey.with_tls(tmp_path),
        "sentinel": valkey.with_sentinel(tmp_path, MASTER),
    }
    with kinds[request.param] as found:
        yield found


def test_a_message_is_published_taken_and_acknowledged(url: str, tmp_path: Path) -> None:
    settings = {
        "INGEST_BROKER_URL": url,
        "INGEST_BROKER_MASTER": MASTER,
        "INGEST_STORE": "null",
    }
    printed = Stack(tmp_path, settings).manage("shell", "-c", TAKE)
    assert printed.splitlines()[-3:] == ["waiting 1", "in progress 1", "ours True True"]


def test_workers_live_through_a_failover(firestore: FirestoreStore, tmp_path: Path) -> None:
    with valkey.with_sentinel(tmp_path, MASTER) as url:
        settings = {
            **project_settings(firestore._client.project),
            "INGEST_BROKER_URL": url,
            "INGEST_BROKER_MASTER": MASTER,
            "INGEST_EXTRACT_CONCURRENCY": "1",
            "INGEST_VISIBILITY_SECONDS": "6",
            "INGEST_MERGE_SECONDS": "0",
        }
        stack = Stack(tmp_path, settings)
        client = prepared.prepare(stack)
        stack.start()
        try:
            wait_until(lambda: accepts(client, 0), seconds=60, what="a post is accepted")
            demo.await_empty(client)
            before = workers(stack)
            valkey.fail_over(url, MASTER)
            wait_until(lambda: accepts(client, 1), seconds=60, what="posts are accepted again")
            demo.await_empty(client)
            assert workers(stack) == before
        finally:
            end(stack)
    assert sum(publication.posts for publication in firestore.publications()) == 2


def accepts(client: ApiClient, number: int) -> bool:
    try:
        return bool(client.submit(POSTS[number : number + 1]))
    except ApiError:
        return False


def workers(stack: Stack) -> set[int]:
    """Return the pids of the workers' main processes."""
    roles = ("-Q extract", "-Q save")
    return {process.pid for role in roles for process in main_and_children(stack, role)[0]}
