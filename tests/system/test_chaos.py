"""The short form of `make chaos`: each kind of strike once, on each pair of broker and store."""

from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.harness.chaos import PAIRS, SHORT_WAITS, Pair, Result, chaos


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("on", PAIRS, ids="/".join)
def test_whatever_dies_every_accepted_post_is_counted_once(
    on: Pair, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():  # the judge reads the database of the stack
        result: Result = chaos(
            tmp_path, on, seed=1, posts=500, strikes=8, outage=5, waits=SHORT_WAITS
        )
    assert result.lost == result.doubled == result.counters_wrong == result.not_poison == 0
    assert result.events_wrong == 0
    assert result.saved + result.dead == result.accepted == 500
    assert result.dead == 5
    assert result.redelivered > 0, "the strikes left no hole"
    assert result.answers_lost == (on.store != "sqlite")
