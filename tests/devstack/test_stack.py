"""Waiting for a condition, as the demo and the tests do."""

import pytest

from ingest.devstack import stack
from ingest.devstack.stack import MAX_POLL_SECONDS, POLL_SECONDS, WaitTimeout, wait_until


class Clock:
    """A clock that only sleeping and looking move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 3))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stack, "time", clock)
    return clock


def test_looks_that_take_long_are_seldom(clock: Clock) -> None:
    looks = iter((0.0, 0.01, 0.03, 2.0, 0.01))

    def look() -> bool:
        clock.now += next(looks)
        return len(clock.pauses) == 4

    wait_until(look, seconds=60, what="the last look")
    assert clock.pauses == [POLL_SECONDS, 0.08, 0.24, MAX_POLL_SECONDS]


def test_a_caller_may_choose_the_pause(clock: Clock) -> None:
    def look() -> bool:
        clock.now += 1
        return len(clock.pauses) == 2

    wait_until(look, seconds=60, what="the third look", every=0.005)
    assert clock.pauses == [0.005, 0.005]


def test_what_never_holds_is_named(clock: Clock) -> None:
    with pytest.raises(WaitTimeout, match="rain: not within 3 s"):
        wait_until(lambda: False, seconds=3, what="rain")
    assert 3 < clock.now < 3 + 2 * POLL_SECONDS
