"""The short form of `make kills`: save workers die in the middle of runs over saved posts."""

from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.harness.run_kills import STORES, Result, run_kills


@pytest.mark.usefixtures("emulator", "valkey")
@pytest.mark.parametrize("store", STORES)
def test_runs_whose_workers_die_lose_and_double_nothing(
    store: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():  # the judge reads the database of the stack
        result: Result = run_kills(tmp_path, store=store, posts=60, probability=0.05)
    assert result.lost == result.doubled == result.counters_wrong == result.recounts_wrong == 0
    assert result.not_forgotten == result.problems == 0
    assert result.deaths > 1
