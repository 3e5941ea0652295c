"""Whether the API may accept posts, and when the pipeline is drained."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest

from ingest.broker import connection, publish
from ingest.broker.admission import get_admission, rabbitmq
from ingest.broker.admission.base import Backlog, IntakePaused, QueueFull
from ingest.broker.admission.redis import UNACKED_KEY
from ingest.broker.connection import BrokerUnavailable
from ingest.broker.publish import EXTRACT, SAVE
from ingest.devstack.stack import wait_until
from ingest.models import InFlightRequest
from tests.support.factories import accepted

pytestmark = pytest.mark.usefixtures("empty_broker")

NOTHING = dict.fromkeys(publish.QUEUES, 0)


def send(*texts: str, between: Callable[[], object] = object) -> None:
    """Enqueue posts as a request does, one message each, and call `between` after each."""
    with get_admission().admit() as producer:
        for text in texts:
            publish.enqueue([accepted(text)], through=producer)
            between()


def test_the_intake_is_writable_and_the_pipeline_empty_at_first() -> None:
    backlog = get_admission().backlog()
    assert backlog.writable
    assert backlog.empty
    assert not backlog.drained


def test_a_paused_intake_refuses_posts() -> None:
    get_admission().pause("operator")
    with pytest.raises(IntakePaused):
        send("Oslo.")
    assert get_admission().backlog().drained


def test_a_pause_during_a_request_admits_all_of_its_posts_or_none() -> None:
    with pytest.raises(IntakePaused):
        send("Oslo.", "Lima.", between=lambda: get_admission().pause("operator"))
    assert get_admission().backlog().drained
    get_admission().resume("operator")
    send("Oslo.", "Lima.")
    assert get_admission().backlog().waiting == {**NOTHING, "extract": 2}


def test_a_request_that_failed_enqueues_nothing() -> None:
    with pytest.raises(ZeroDivisionError):
        send("Oslo.", "Lima.", between=lambda: 1 / 0)
    assert get_admission().backlog().empty
    send("Lima.")
    assert get_admission().backlog().messages == 1


def test_a_message_that_waits_or_is_in_progress_is_not_drained() -> None:
    get_admission().pause("operator")
    connection.redis_client().lpush(EXTRACT, "message")
    assert get_admission().backlog().waiting == {**NOTHING, "extract": 1}
    assert not get_admission().backlog().drained
    connection.redis_client().delete(EXTRACT)
    connection.redis_client().hset(UNACKED_KEY, "tag", "message")
    assert get_admission().backlog().in_progress == 1
    assert not get_admission().backlog().drained


@pytest.mark.parametrize(
    ("writable", "waiting", "in_work", "in_flight", "state"),
    [
        (True, 0, 0, 0, "open"),
        (True, 9, 9, 0, "open"),
        (True, 10, 0, 0, "full"),
        (False, 10, 0, 0, "draining"),
        (False, 0, 1, 0, "draining"),
        (False, 0, 0, 1, "draining"),
        (False, 0, 0, 0, "drained"),
    ],
)
def test_the_intake_has_one_state(
    writable: bool, waiting: int, in_work: int, in_flight: int, state: str
) -> None:
    backlog = Backlog(writable, {EXTRACT: waiting, SAVE: 0}, in_work, in_flight)
    assert backlog.state(10) == state


def test_a_backlog_has_the_age_of_the_oldest_message() -> None:
    assert get_admission().backlog().oldest == {}
    publish.enqueue([accepted("Oslo.")])
    time.sleep(0.01)  # the test measures time
    first = get_admission().backlog().oldest
    publish.enqueue([accepted("Lima.")])
    assert first.keys() == {EXTRACT}
    assert 0.01 <= first[EXTRACT] <= get_admission().backlog().oldest[EXTRACT]


def test_the_age_of_a_message_of_an_older_version_is_unknown() -> None:
    connection.redis_client().lpush(EXTRACT, "message")
    assert get_admission().backlog().oldest == {}


def test_the_intake_resumes_when_the_last_owner_does() -> None:
    get_admission().pause("operator")
    get_admission().pause("stop")
    get_admission().resume("stop")
    assert not get_admission().backlog().writable
    get_admission().resume("operator")
    assert get_admission().backlog().writable


def test_full_queues_refuse_posts_until_the_low_watermark(settings: Any) -> None:
    settings.QUEUE_LIMIT = 10
    client = connection.redis_client()
    client.lpush(SAVE, *["message"] * 9)
    send("Oslo.")
    for left in (10, 9):
        with pytest.raises(QueueFull):
            send("Lima.")
        assert get_admission().backlog().messages == left
        client.rpop(SAVE)
    send("Lima.")
    assert get_admission().backlog().messages == 9


def test_an_archive_fills_only_the_queues_of_bulk_posts(settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    archived = accepted("Oslo.").model_copy(update={"priority": "bulk"})
    for _ in range(2):
        with suppress(QueueFull), get_admission().admit(["bulk"]) as producer:
            publish.enqueue([archived], through=producer)
    backlog = get_admission().backlog()
    assert backlog.waiting == {**NOTHING, "extract.bulk": 1}
    assert backlog.state(1) == "open"
    send("Lima.")
    assert get_admission().backlog().waiting == {**NOTHING, "extract.bulk": 1, "extract": 1}
    assert not get_admission().backlog().empty


def test_no_post_slips_in_after_a_drain() -> None:
    """Writers go on while the intake is paused and resumed many times."""
    stop = threading.Event()
    client = connection.redis_client()
    wrong: list[str] = []

    def write() -> None:
        while not stop.is_set():
            try:
                send("Oslo.")
            except IntakePaused:
                stop.wait(0.001)

    def take() -> None:
        while not stop.is_set():
            client.brpop([EXTRACT], timeout=0.05)

    threads = [threading.Thread(target=t) for t in (write, write, write, take, take, take)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            get_admission().pause("operator")
            while not get_admission().backlog().drained:
                stop.wait(0.001)
            if any(not get_admission().backlog().drained for _ in range(20)):
                wrong.append("a post came in after the drain")
            get_admission().resume("operator")
            stop.wait(0.02)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.fixture(params=["full", "replica"])
def unwritable(request: pytest.FixtureRequest, empty_broker: None) -> Iterator[None]:
    """Make the broker one that takes no message, while the test runs."""
    client = connection.redis_client()
    assert get_admission().is_writable()
    if request.param == "full":
        client.config_set("maxmemory", 1)
    else:
        client.replicaof("127.0.0.1", 1)
    yield
    client.config_set("maxmemory", 0)
    client.replicaof("NO", "ONE")


def test_a_broker_that_takes_no_message_is_not_writable(unwritable: None) -> None:
    """It answers each read, so a probe that only reads finds nothing wrong."""
    with pytest.raises(BrokerUnavailable, match="takes no message"):
        get_admission().is_writable()
    backlog = get_admission().backlog()
    assert not backlog.accepting
    assert not backlog.drained
    assert backlog.state(10) == "unavailable"
    with pytest.raises(BrokerUnavailable):
        send("Oslo.")


def test_threads_do_not_wait_for_the_one_that_checks_rabbitmq(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They once stood behind one lock: of eight requests, the last waited for 48 seconds."""
    asked, answer = threading.Event(), threading.Event()

    def freeze() -> tuple[dict[str, int], int]:
        asked.set()
        answer.wait(30)
        raise OSError("frozen")

    monkeypatch.setattr(rabbitmq, "_ready", freeze)
    admission = rabbitmq.RabbitmqAdmission()
    errors: list[BaseException] = []

    def check() -> None:
        try:
            admission._refuse_if_full(["live"])
        except BrokerUnavailable as error:
            errors.append(error)

    first = threading.Thread(target=check)
    first.start()
    assert asked.wait(30)
    check()  # returns at once, by the last check
    assert not errors
    answer.set()
    first.join()
    check()
    assert len(errors) == 2


@pytest.mark.django_db(transaction=True)
def test_the_lease_of_a_request_lasts_as_long_as_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A drain once counted a request of more than a minute as ended."""
    monkeypatch.setattr(rabbitmq, "REQUEST_SECONDS", 0.4)
    monkeypatch.setattr(rabbitmq.RabbitmqAdmission, "_refuse_if_full", lambda *_: None)

    def lease() -> datetime:
        return InFlightRequest.objects.get().ends_at

    with rabbitmq.RabbitmqAdmission().admit():
        first = lease()
        wait_until(lambda: lease() > first, seconds=30, what="the lease is renewed")
    assert not InFlightRequest.objects.exists()
