"""The short form of `make faults`: workers die between effect and acknowledgement."""

from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.harness.faults import Result, faults


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("broker", ["embedded", "rabbitmq"])
def test_posts_whose_workers_die_half_of_the_time_are_saved_once_and_none_is_dead(
    broker: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():  # the judge reads the database of the stack
        result: Result = faults(
            tmp_path, broker=broker, store="firestore", posts=100, probability=0.5
        )
    assert result.lost == result.doubled == result.counters_wrong == result.dead == 0
    assert result.saved == result.accepted == 100
    assert result.deaths > 0
