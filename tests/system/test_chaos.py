"""The short form of `make chaos`: each kind of strike once, on both brokers."""

from pathlib import Path

import pytest

from tests.harness.chaos import Result, chaos


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("broker", ["embedded", "rabbitmq"])
def test_whatever_dies_every_accepted_post_is_counted_once(broker: str, tmp_path: Path) -> None:
    result: Result = chaos(tmp_path, broker=broker, seed=1, posts=500, strikes=8, outage=5)
    assert result.lost == result.doubled == result.counters_wrong == result.not_poison == 0
    assert result.saved + result.dead == result.accepted == 500
    assert result.dead == 5
    assert result.redelivered > 0, "the strikes left no hole"
    assert result.answers_lost == 1
