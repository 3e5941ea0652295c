"""The emulator keeps its documents over a restart."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from google.cloud.firestore_v1 import Client

from ingest.devstack.firestore_emulator import Exports
from ingest.devstack.ports import free_ports, listens
from ingest.devstack.stack import wait_until


@contextmanager
def emulator(folder: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run the emulator with a state folder, and stop it after the block."""
    environment = {
        **os.environ,
        "INGEST_STATE_DIR": str(folder),
        "INGEST_FIRESTORE_PORT": str(port),
        "INGEST_FIRESTORE_DATABASE": "counts",
        "INGEST_EMULATOR_EXPORT_SECONDS": "120",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingest.devstack.firestore_emulator"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        wait_until(lambda: listens(port), seconds=60, what="the emulator listens")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def numbers(*, written: range = range(0)) -> set[int]:
    """Write documents, and return the numbers of all that are there."""
    client = Client(project="demo-ingest", database="counts")
    for number in written:
        client.document(f"posts/{number}").set({"number": number})
    return {snapshot.get("number") for snapshot in client.collection("posts").stream(timeout=30)}


def test_documents_outlive_a_stop_and_those_of_the_last_export_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "state 'of' a \"user\""
    folder.mkdir()
    (port,) = free_ports(1)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
    with emulator(folder, port) as process:
        assert "no documents are imported" in (folder / "log").read_text()
        numbers(written=range(20))
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert "the documents are exported to" in (folder / "log").read_text()
    with emulator(folder, port) as process:
        assert "are imported; they are exported every 120 s" in (folder / "log").read_text()
        assert numbers(written=range(20, 30)) == set(range(30))
        (java,) = psutil.Process(process.pid).children()
        process.kill()
        java.wait(timeout=30)  # it ends with its parent
    with emulator(folder, port):
        assert numbers() == set(range(20))


class BrokenEmulator(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Write half an export and fail, as a server that is killed."""
        (Path(self.server.folder) / "export-1").mkdir(exist_ok=True)  # type: ignore[attr-defined]
        self.send_response(500)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def test_an_export_that_fails_leaves_the_older_one(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BrokenEmulator) as server:
        server.folder = tmp_path  # type: ignore[attr-defined]
        threading.Thread(target=server.handle_request, daemon=True).start()
        exports = Exports(tmp_path, f"http://127.0.0.1:{server.server_port}", "demo", "(default)")
        older = tmp_path / "export-0"
        older.mkdir()
        (older / "export-0.overall_export_metadata").touch()
        (tmp_path / "last").symlink_to("export-0")
        with pytest.raises(OSError, match="500"):
            exports.export()
        last = exports.last()
    assert last
    assert last.resolve().parent == older
