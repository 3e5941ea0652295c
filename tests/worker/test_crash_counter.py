"""Which starts of a post count against it."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import psutil
import pytest
from django.utils import timezone

from ingest.models import CrashCount, Step
from ingest.worker.crash_counter import count_crashes

pytestmark = pytest.mark.django_db


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Return another process of this machine, alive."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process


def started_by(process: str, *, seconds_ago: float = 0) -> None:
    """Note that a process has started a post twice and has not finished it."""
    last_at = timezone.now() - timedelta(seconds=seconds_ago)
    CrashCount.objects.create(
        post_id="p", step=Step.SAVE, starts=2, process=process, last_at=last_at
    )


def name_here(process: subprocess.Popen[bytes]) -> str:
    with count_crashes(Step.SAVE, ["own"]):
        here = CrashCount.objects.get(post_id="own").process.rsplit(" ", 2)[0]
    return f"{here} {process.pid} {psutil.Process(process.pid).create_time()}"


def number() -> int:
    with count_crashes(Step.SAVE, ["p"]) as starts:
        return starts


def test_a_finished_post_deletes_its_count() -> None:
    assert number() == 1
    assert not CrashCount.objects.exists()


def test_a_post_in_progress_in_another_process_is_not_counted_again(
    other: subprocess.Popen[bytes],
) -> None:
    """The kill test found that counting it made a dead letter of a good post."""
    started_by(name_here(other))
    assert number() == 2


def test_a_post_whose_process_died_is_counted(other: subprocess.Popen[bytes]) -> None:
    started_by(name_here(other))
    other.kill()
    other.wait()
    assert number() == 3


def test_another_process_with_a_reused_pid_does_not_count_as_alive(
    other: subprocess.Popen[bytes],
) -> None:
    name, _ = name_here(other).rsplit(" ", 1)
    started_by(f"{name} 1.5")
    assert number() == 3


@pytest.mark.parametrize(("seconds_ago", "expected"), [(5, 2), (600, 3)])
def test_a_process_elsewhere_counts_as_alive_for_the_time_limit_of_a_step(
    seconds_ago: float, expected: int
) -> None:
    started_by("elsewhere 1 1.5", seconds_ago=seconds_ago)
    assert number() == expected
