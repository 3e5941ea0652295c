"""The slot of a process's metrics, which survives its death."""

import os
import subprocess
import sys
from pathlib import Path

from ingest.observability import metric_slots, metrics

COUNT = """
import os, signal
import django
django.setup()
from ingest.observability import metric_slots, metrics
from ingest.api.prometheus import ProcessMetrics, exposition

def accepted():
    lines = exposition(ProcessMetrics()).decode().splitlines()
    return next(line for line in lines if line.startswith("ingest_posts_accepted_total"))

metrics.ACCEPTED.inc()
for _ in range(2):
    if not (child := os.fork()):
        metric_slots.take_role("extract")
        metrics.ACCEPTED.inc(10)
        print("child", metric_slots.number(), dict(metric_slots.alive()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
print("parent", metric_slots.number(), dict(metric_slots.alive()), accepted())
"""


def run(folder: Path) -> list[str]:
    """Count in a process and in two children that are killed; return what they print."""
    environment = {
        "PATH": os.environ["PATH"],
        "INGEST_STATE_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "ingestsite.settings",
    }
    command = [sys.executable, "-c", COUNT]
    return subprocess.check_output(command, env=environment, text=True).splitlines()


def test_what_a_killed_process_counted_stays_and_its_number_is_taken_again(tmp_path: Path) -> None:
    alive = "child 2 {'extract': 1}"
    assert run(tmp_path) == [alive, alive, "parent 1 {} ingest_posts_accepted_total 21.0"]
    files = {path.name for path in (tmp_path / "metrics").glob("*.db")}
    assert files == {f"{kind}_{number}.db" for kind in metric_slots.KINDS for number in (1, 2)}
    assert run(tmp_path)[-1].endswith("42.0")


def test_a_torn_file_stops_no_process(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "metrics" / "counter_1.db").write_bytes(b"\x7f" * 5000)
    assert run(tmp_path)[-1].endswith(" 41.0"), "what the children counted is still there"


def test_a_file_has_room_before_it_is_written_to() -> None:
    """A full disk must not kill a process that counts."""
    metrics.ACCEPTED.inc(0)
    for kind in metric_slots.KINDS:
        status = (metric_slots.folder() / f"{kind}_{metric_slots.number()}.db").stat()
        assert status.st_size == metric_slots.SLOT_BYTES
        assert status.st_blocks * 512 >= metric_slots.SLOT_BYTES
