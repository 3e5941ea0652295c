"""Whether posts may come in, and when all of them have gone through."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ingest.broker import connection, publish
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import IntakePaused, QueueFull
from ingest.broker.admission.redis import UNACKED_KEY
from ingest.broker.publish import EXTRACT, SAVE
from tests.support.factories import accepted

pytestmark = pytest.mark.usefixtures("empty_broker")


def let_through(*texts: str, between: Callable[[], object] = object) -> None:
    """Enqueue posts as a request does, a message for each, and do something in between."""
    with get_admission().admit() as producer:
        for text in texts:
            publish.enqueue([accepted(text)], through=producer)
            between()


def test_the_gate_is_open_and_empty_at_first() -> None:
    backlog = get_admission().backlog()
    assert backlog.writable
    assert backlog.empty
    assert not backlog.drained


def test_a_closed_gate_lets_nobody_in() -> None:
    get_admission().pause("operator")
    with pytest.raises(IntakePaused):
        let_through("Oslo.")
    assert get_admission().backlog().drained


def test_a_gate_that_closes_meanwhile_lets_all_of_a_request_in_or_nothing() -> None:
    with pytest.raises(IntakePaused):
        let_through("Oslo.", "Lima.", between=lambda: get_admission().pause("operator"))
    assert get_admission().backlog().drained
    get_admission().resume("operator")
    let_through("Oslo.", "Lima.")
    assert get_admission().backlog().waiting == {"extract": 2, "save": 0}


def test_a_request_that_failed_lets_nothing_through() -> None:
    with pytest.raises(ZeroDivisionError):
        let_through("Oslo.", "Lima.", between=lambda: 1 / 0)
    assert get_admission().backlog().empty
    let_through("Lima.")
    assert get_admission().backlog().messages == 1


def test_what_waits_or_is_in_work_is_not_drained() -> None:
    get_admission().pause("operator")
    connection.redis_client().lpush(EXTRACT, "message")
    assert get_admission().backlog().waiting == {"extract": 1, "save": 0}
    assert not get_admission().backlog().drained
    connection.redis_client().delete(EXTRACT)
    connection.redis_client().hset(UNACKED_KEY, "tag", "message")
    assert get_admission().backlog().in_work == 1
    assert not get_admission().backlog().drained


def test_it_tells_for_how_long_the_oldest_message_has_waited() -> None:
    assert get_admission().backlog().oldest == {}
    publish.enqueue([accepted("Oslo.")])
    time.sleep(0.01)  # what is measured is time
    first = get_admission().backlog().oldest
    publish.enqueue([accepted("Lima.")])
    assert first.keys() == {EXTRACT}
    assert 0.01 <= first[EXTRACT] <= get_admission().backlog().oldest[EXTRACT]


def test_nobody_knows_for_how_long_a_message_of_an_older_version_has_waited() -> None:
    connection.redis_client().lpush(EXTRACT, "message")
    assert get_admission().backlog().oldest == {}


def test_the_gate_opens_when_the_last_hand_is_off() -> None:
    get_admission().pause("operator")
    get_admission().pause("stop")
    get_admission().resume("stop")
    assert not get_admission().backlog().writable
    get_admission().resume("operator")
    assert get_admission().backlog().writable


def test_full_queues_let_nobody_in_until_the_low_mark(settings: Any) -> None:
    settings.QUEUE_LIMIT = 10
    client = connection.redis_client()
    client.lpush(SAVE, *["message"] * 9)
    let_through("Oslo.")
    for left in (10, 9):
        with pytest.raises(QueueFull):
            let_through("Lima.")
        assert get_admission().backlog().messages == left
        client.rpop(SAVE)
    let_through("Lima.")
    assert get_admission().backlog().messages == 9


def test_no_post_slips_in_behind_a_drained_gate() -> None:
    """Writers go on while the gate is closed and opened again, many times."""
    stop = threading.Event()
    client = connection.redis_client()
    wrong: list[str] = []

    def write() -> None:
        while not stop.is_set():
            try:
                let_through("Oslo.")
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
                wrong.append("something came in after the gate was drained")
            get_admission().resume("operator")
            stop.wait(0.02)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
