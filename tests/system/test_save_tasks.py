"""The other tasks of the save workers on RabbitMQ: a backfill and a summary."""

import pytest

from ingest.analytics.summaries import Summary
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.support import prepared
from tests.system.test_aliases import MERGE, change, mentions, posts

COUNT = 20


def summary(store: FirestoreStore) -> Summary | None:
    found = store.publication("The Gazette")
    return Summary.of(found) if found else None


@pytest.mark.parametrize("stack", ["rabbitmq"], indirect=True)
def test_save_workers_do_a_backfill_and_a_summary(stack: Stack, firestore: FirestoreStore) -> None:
    client = prepared.prepare(stack)
    stack.start()
    client.submit(posts(0, COUNT))
    demo.await_empty(client)
    change(stack, MERGE)
    demo.await_empty(client)
    recount = firestore.recount("The Gazette")
    assert not recount.diff
    assert mentions(recount.stored) == [0, 2 * COUNT]

    assert summary(firestore) is None
    next(client.entities("The Gazette"))  # the request for a list asks for a summary
    wait_until(lambda: summary(firestore) is not None, seconds=60, what="there is a summary")
    made = summary(firestore)
    assert made
    assert made.posts == COUNT
    assert ("Portugal", 2 * COUNT) in {(word.text, word.mentions) for word in made.words}
