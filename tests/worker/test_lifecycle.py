"""The life of a worker: its intake is resumed at the start, as soon as that is possible."""

import pytest

from ingest.broker.admission import get_admission
from ingest.broker.connection import BrokerUnavailable
from ingest.process import shutdown
from ingest.worker import lifecycle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker")]


def test_the_intake_is_resumed_however_often_the_first_attempts_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One attempt failed with the database away, and every post was refused from then on."""
    get_admission().pause("stop")
    resume = get_admission().resume
    failures = [BrokerUnavailable("away"), BrokerUnavailable("away")]

    def resume_later(by: str) -> None:
        if failures:
            raise failures.pop()
        resume("stop")

    monkeypatch.setattr(get_admission(), "resume", resume_later)
    monkeypatch.setattr(shutdown, "wait", lambda _: False)
    lifecycle.try_to_resume()
    assert not failures
    assert get_admission().backlog().writable
