"""What the savers do beside saving posts, on RabbitMQ: a run through saved posts, and a summary."""

import pytest

from ingest.analytics.summaries import Summary
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.system.test_aliases import MERGE, change, mentions, posts

COUNT = 20


def summary(store: FirestoreStore) -> Summary | None:
    found = store.publication("The Gazette")
    return Summary.of(found) if found else None


@pytest.mark.parametrize("stack", ["rabbitmq"], indirect=True)
def test_a_run_and_a_summary_are_made_by_the_savers(
    stack: Stack, firestore: FirestoreStore
) -> None:
    client = stack.prepare()
    stack.start()
    client.submit(posts(0, COUNT))
    demo.await_empty(client)
    change(stack, MERGE)
    demo.await_empty(client)  # a run's next step is on the queue or in work until it has ended
    recount = firestore.recount("The Gazette")
    assert not recount.diff
    assert mentions(recount.stored) == [0, 2 * COUNT]

    assert summary(firestore) is None
    next(client.entities("The Gazette"))  # somebody looks
    wait_until(lambda: summary(firestore) is not None, seconds=60, what="a summary is made")
    made = summary(firestore)
    assert made
    assert made.posts == COUNT
    assert ("United States", 2 * COUNT) in {(word.text, word.mentions) for word in made.words}
