"""Whether what an operator sees agrees with what happened, in its short form."""

import os
from pathlib import Path

from ingest.store.firestore.store import FirestoreStore
from tests.harness import dashboard


def test_metrics_log_and_traces_agree_with_a_run(tmp_path: Path, firestore: FirestoreStore) -> None:
    settings = {
        "FIRESTORE_EMULATOR_HOST": os.environ["FIRESTORE_EMULATOR_HOST"],
        "INGEST_FIRESTORE_PROJECT": firestore._client.project,
    }
    figures = dashboard.watch(tmp_path, 60, settings)
    assert figures == dict.fromkeys(dashboard.FIGURES, True)
