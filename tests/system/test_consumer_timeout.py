"""RabbitMQ closes the channel of a worker that keeps a message too long, as in an outage."""

from pathlib import Path

import pytest

from ingest import samples
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests import environment
from tests.support import prepared
from tests.support.processes import end, main_and_children
from tests.support.rabbitmq import running
from tests.support.stores import project_settings
from tests.support.tcp_proxy import Line

POSTS = list(samples.read())[:10]
GIVEN_BACK = "given back in an outage"
TIMES = 8  # about four consumer timeouts


@pytest.mark.parametrize("newest", [False, True], ids=["debian", "newest"])
def test_a_save_worker_lives_through_an_outage_longer_than_the_consumer_timeout(
    firestore: FirestoreStore, tmp_path: Path, newest: bool
) -> None:
    """It once ended with `PreconditionFailed`, and took nothing more until its child was back."""
    line = Line(environment.FIRESTORE_PORT)
    options = {"consumer_timeout": 8_000, "channel_tick_interval": 1_000}
    with running(tmp_path / "rabbitmq", newest=newest, **options) as node:
        settings = {
            **project_settings(firestore._client.project, port=line.port),
            "INGEST_BROKER_URL": node.new_host(),
            "INGEST_EXTRACT_CONCURRENCY": "1",
            "INGEST_HOLD_SECONDS": "2",
            "INGEST_STORE_SECONDS": "1",
            "INGEST_MERGE_SECONDS": "0",
        }
        stack = Stack(tmp_path, settings)
        client = prepared.prepare(stack)
        stack.start()
        try:
            demo.await_empty(client)
            before, _ = main_and_children(stack, "-Q save")
            line.cut()
            demo.submit(client, POSTS)
            wait_until(
                lambda: stack.log.read_text(errors="replace").count(GIVEN_BACK) >= TIMES,
                seconds=120,
                what="the worker has given its messages back",
            )
            assert not client.status()["empty"]
            assert "celery_delayed" not in node.queues()
            line.restore()
            demo.await_empty(client)
            after, _ = main_and_children(stack, "-Q save")
        finally:
            end(stack)
    assert [process.pid for process in after] == [process.pid for process in before]
    assert "PRECONDITION_FAILED" not in stack.log.read_text(errors="replace")
    assert sum(publication.posts for publication in firestore.publications()) == len(POSTS)
