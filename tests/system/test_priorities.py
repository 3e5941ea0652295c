"""The short form of `make latency`: a live post overtakes an archive."""

import pytest

from ingest.devstack.stack import Stack, wait_until
from tests.harness.live_latency import fill, posts_of, seconds_until_saved, waiting_bulk
from tests.support import prepared
from tests.support.sender import is_empty


@pytest.mark.parametrize("stack", ["embedded", "rabbitmq"], indirect=True)
def test_a_live_post_is_saved_while_an_archive_waits_and_both_are_counted(stack: Stack) -> None:
    client = prepared.prepare(stack)
    stack.start()
    wait_until(lambda: is_empty(client), seconds=60, what="the queues are there")
    fill(client, 3000)
    (post,) = posts_of(1, name="live", priority="live")
    seconds_until_saved(client, post)
    assert waiting_bulk(client) > 0, "the archive ended first, so nothing overtook it"
    wait_until(lambda: is_empty(client), seconds=300, what="everything is saved")
    counted = {found["name"]: found["posts"] for found in client.publications()}
    assert counted == {"archive": 3000, "live": 1}
