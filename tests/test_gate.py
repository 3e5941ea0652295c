"""Whether posts may come in, and when all of them have gone through."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ingest import broker, pipeline
from ingest.gate import GateClosed, QueueFull, the_gate
from ingest.gate.embedded import UNACKNOWLEDGED
from ingest.pipeline import EXTRACT, SAVE
from tests.making import accepted

pytestmark = pytest.mark.usefixtures("empty_broker")


def let_through(*texts: str, between: Callable[[], object] = object) -> None:
    """Enqueue posts as a request does, a message for each, and do something in between."""
    with the_gate().passage() as producer:
        for text in texts:
            pipeline.enqueue([accepted(text)], through=producer)
            between()


def test_the_gate_is_open_and_empty_at_first() -> None:
    backlog = the_gate().backlog()
    assert backlog.writable
    assert backlog.empty
    assert not backlog.drained


def test_a_closed_gate_lets_nobody_in() -> None:
    the_gate().close("operator")
    with pytest.raises(GateClosed):
        let_through("Oslo.")
    assert the_gate().backlog().drained


def test_a_gate_that_closes_meanwhile_lets_all_of_a_request_in_or_nothing() -> None:
    with pytest.raises(GateClosed):
        let_through("Oslo.", "Lima.", between=lambda: the_gate().close("operator"))
    assert the_gate().backlog().drained
    the_gate().reopen("operator")
    let_through("Oslo.", "Lima.")
    assert the_gate().backlog().waiting == {"extract": 2, "save": 0}


def test_a_request_that_failed_lets_nothing_through() -> None:
    with pytest.raises(ZeroDivisionError):
        let_through("Oslo.", "Lima.", between=lambda: 1 / 0)
    assert the_gate().backlog().empty
    let_through("Lima.")
    assert the_gate().backlog().messages == 1


def test_what_waits_or_is_in_work_is_not_drained() -> None:
    the_gate().close("operator")
    broker.redis_client().lpush(EXTRACT, "message")
    assert the_gate().backlog().waiting == {"extract": 1, "save": 0}
    assert not the_gate().backlog().drained
    broker.redis_client().delete(EXTRACT)
    broker.redis_client().hset(UNACKNOWLEDGED, "tag", "message")
    assert the_gate().backlog().in_work == 1
    assert not the_gate().backlog().drained


def test_it_tells_for_how_long_the_oldest_message_has_waited() -> None:
    assert the_gate().backlog().oldest == {}
    pipeline.enqueue([accepted("Oslo.")])
    time.sleep(0.01)  # what is measured is time
    first = the_gate().backlog().oldest
    pipeline.enqueue([accepted("Lima.")])
    assert first.keys() == {EXTRACT}
    assert 0.01 <= first[EXTRACT] <= the_gate().backlog().oldest[EXTRACT]


def test_nobody_knows_for_how_long_a_message_of_an_older_version_has_waited() -> None:
    broker.redis_client().lpush(EXTRACT, "message")
    assert the_gate().backlog().oldest == {}


def test_the_gate_opens_when_the_last_hand_is_off() -> None:
    the_gate().close("operator")
    the_gate().close("stop")
    the_gate().reopen("stop")
    assert not the_gate().backlog().writable
    the_gate().reopen("operator")
    assert the_gate().backlog().writable


def test_full_queues_let_nobody_in_until_the_low_mark(settings: Any) -> None:
    settings.QUEUE_LIMIT = 10
    client = broker.redis_client()
    client.lpush(SAVE, *["message"] * 9)
    let_through("Oslo.")
    for left in (10, 9):
        with pytest.raises(QueueFull):
            let_through("Lima.")
        assert the_gate().backlog().messages == left
        client.rpop(SAVE)
    let_through("Lima.")
    assert the_gate().backlog().messages == 9


def test_no_post_slips_in_behind_a_drained_gate() -> None:
    """Writers go on while the gate is closed and opened again, many times."""
    stop = threading.Event()
    client = broker.redis_client()
    wrong: list[str] = []

    def write() -> None:
        while not stop.is_set():
            try:
                let_through("Oslo.")
            except GateClosed:
                stop.wait(0.001)

    def take() -> None:
        while not stop.is_set():
            client.brpop([EXTRACT], timeout=0.05)

    threads = [threading.Thread(target=t) for t in (write, write, write, take, take, take)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            the_gate().close("operator")
            while not the_gate().backlog().drained:
                stop.wait(0.001)
            if any(not the_gate().backlog().drained for _ in range(20)):
                wrong.append("something came in after the gate was drained")
            the_gate().reopen("operator")
            stop.wait(0.02)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
