"""The larger model in a worker with sixteen children fits a small machine."""

import json
import os
import subprocess
import sys

from ingestsite import configuration
from tests.harness.model_speed import MAX_MEMORY_MB

# What a worker's environment says (`Procfile`).
WORKER = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
    "MALLOC_MMAP_THRESHOLD_": "134217728",
}


def test_sixteen_children_with_the_larger_model_fit_in_1200_megabytes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.model_speed", "--memory"],
        cwd=configuration.ROOT,
        env={**os.environ, **WORKER},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert 0 < figures["memory_of_16_children_mb"] <= MAX_MEMORY_MB
