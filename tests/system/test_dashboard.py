"""The short form of `make dashboard`: metrics, log and traces agree with a run."""

from pathlib import Path

from ingest.store.firestore.store import FirestoreStore
from tests.harness import dashboard
from tests.support.stores import project_settings


def test_metrics_log_and_traces_agree_with_a_run(tmp_path: Path, firestore: FirestoreStore) -> None:
    figures = dashboard.watch(tmp_path, 60, project_settings(firestore._client.project))
    assert figures == dict.fromkeys(dashboard.FIGURES, True)
