"""The totals of the metrics of all processes are those of Prometheus' own collector."""

import os
import subprocess
import sys
from pathlib import Path

COMPARE = """
import os
import django
django.setup()
from prometheus_client.multiprocess import MultiProcessCollector
from ingest.observability import metric_slots, metrics
from ingest.observability.metric_totals import totals

for number in range(3):
    if not (child := os.fork()):
        metric_slots.take_role("extract")
        metrics.ACCEPTED.inc(number)
        metrics.REFUSED.labels("full").inc()
        metrics.SAVED_AFTER.observe(0.2 * number)
        for queue in ("extract", f"own {number}"):
            metrics.BATCH_MESSAGES.labels(queue).observe(10 ** number)
        os._exit(0)
    os.waitpid(child, 0)

def samples(found):
    return sorted(
        (metric.type, sample.name, sorted(sample.labels.items()), round(sample.value, 9))
        for metric in found
        for sample in metric.samples
    )

known = samples(MultiProcessCollector(None, path=str(metric_slots.folder())).collect())
print(len(known) > 50, samples(totals()) == known)
"""


def test_the_totals_are_those_of_the_library(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "INGEST_STATE_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "ingestsite.settings",
    }
    command = [sys.executable, "-c", COMPARE]
    assert subprocess.check_output(command, env=environment, text=True) == "True True\n"
