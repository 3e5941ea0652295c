"""The position of a post on the queues, and in its other states."""

from io import StringIO

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.utils import timezone

from ingest.api import receipts
from ingest.broker import publish
from ingest.broker.connection import redis_client
from ingest.broker.inspect import find_on_queues
from ingest.broker.publish import EXTRACT
from ingest.broker.redis_transport import Channel
from ingest.models import CrashCount, DeadLetter, Step
from ingest.store import open_store
from tests.support.factories import NOON, accepted, entity, with_entities

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]

POST = accepted("Oslo.").model_copy(update={"request_id": "r-7"})


def where(post_id: str, *arguments: str) -> str:
    """Run the command, and return what it printed."""
    out = StringIO()
    call_command("where", post_id, *arguments, stdout=out)
    return out.getvalue()


def test_a_post_is_found_on_its_queue_and_in_progress() -> None:
    publish.enqueue([accepted("Lima."), POST])
    (place,) = find_on_queues(POST.post_id)
    assert (place.queue, place.state, place.request_id) == ("extract", "queued", "r-7")
    assert "queued at extract since 20" in where(POST.post_id)
    with current_app.connection_for_read() as connection:
        channel = connection.default_channel
        assert isinstance(channel, Channel)
        message = channel.basic_get("extract")
        (place,) = find_on_queues(POST.post_id)
        assert (place.queue, place.state) == ("extract", "in progress")
        message.ack()
    assert not list(find_on_queues(POST.post_id))


def test_a_saved_post_is_told_with_its_model_and_day() -> None:
    post = with_entities("1", [entity("Oslo")])
    open_store().add([post])
    told = where(post.post_id)
    assert "saved in 'The Gazette': 1 entities by test 1.0" in told
    assert "counts for 2026-05-04" in told
    open_store().remove(post.post_id, at=timezone.now())
    assert where(post.post_id).startswith("deleted 20")


def test_a_dead_post_is_told_with_why_and_how_often_it_was_begun() -> None:
    DeadLetter.objects.create(
        post_id=POST.post_id,
        step=Step.EXTRACT,
        reason="killed",
        detail="the process ended",
        attempts=4,
        payload=POST.payload(),
    )
    CrashCount.objects.create(post_id=POST.post_id, step=Step.EXTRACT, starts=2)
    told = where(POST.post_id)
    assert "dead-lettered at extract" in told
    assert "4 attempts, the process ended (request r-7)" in told
    assert "started 2 times" in told
    assert "Oslo." not in told


def test_an_unknown_post_is_said_to_be_so_and_a_receipt_tells_more() -> None:
    with pytest.raises(CommandError, match="unknown"):
        where(POST.post_id)
    receipt = receipts.write(POST.post_id, NOON)
    assert "accepted 2026-05-04 12:00:00 UTC" in where(POST.post_id, "--receipt", receipt)
    with pytest.raises(CommandError, match="no receipt"):
        where(POST.post_id, "--receipt", "wrong")
    with pytest.raises(CommandError, match="32 hexadecimal"):
        where("7")


@pytest.mark.parametrize("entry", ["{", "7", "[]", "{}", '{"body": 7}', '{"body": "WzddCg=="}'])
def test_an_entry_that_is_no_message_of_ours_hides_no_post(entry: str) -> None:
    redis_client().rpush(EXTRACT, entry)
    publish.enqueue([POST])
    assert [found.queue for found in find_on_queues(POST.post_id)] == [EXTRACT]
