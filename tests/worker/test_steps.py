"""How long a worker keeps its messages through an outage."""

from typing import Any

import pytest
from django.db import OperationalError

from ingest.process import shutdown
from ingest.store.base import StoreUnavailable
from ingest.worker import steps
from ingest.worker.steps import retry_until_available

# Each retry closes a dead connection to the database.
pytestmark = pytest.mark.django_db


class Outage:
    """Work that fails so many times, and a note of how often its messages were given back."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.given_back = 0

    def work(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")

    def give_back(self) -> None:
        self.given_back += 1


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each wait end at once, and say that the worker goes on."""
    monkeypatch.setattr(shutdown, "wait", lambda _: False)


def test_a_worker_waits_in_place_where_no_broker_minds(settings: Any) -> None:
    settings.HOLD_SECONDS = None
    outage = Outage(failures=50)
    retry_until_available(outage.work, outage.give_back)
    assert (outage.failures, outage.given_back) == (0, 0)


def test_messages_are_given_back_after_the_longest_hold(settings: Any) -> None:
    settings.HOLD_SECONDS = 1e-9
    outage = Outage(failures=50)
    retry_until_available(outage.work, outage.give_back)
    assert (outage.failures, outage.given_back) == (49, 1)


def test_a_message_that_cannot_be_published_anew_is_requeued(settings: Any) -> None:
    settings.HOLD_SECONDS = 1e-9
    with pytest.raises(StoreUnavailable):
        retry_until_available(Outage(failures=50).work)


def test_an_outage_of_the_database_keeps_no_saved_batch_waiting_but_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def settle(posts: object) -> None:
        asked.append(posts)
        raise OperationalError("away")

    monkeypatch.setattr(steps, "settle_dead_letters", settle)
    steps.there_are_dead_letters.assume(True)
    for _ in range(3):
        steps._settle_dead_letters([])
    assert len(asked) == 1
