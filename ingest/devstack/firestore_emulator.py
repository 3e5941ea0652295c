"""
Run Google's Firestore emulator on loopback, and keep its documents in files.

    python -m ingest.devstack.firestore_emulator

The emulator has its documents in memory only. So this process exports them every few minutes and
before a stop, and imports the last export at the start. What was saved after the last export is
lost if the emulator is killed. The server runs without the `gcloud` wrapper, since a stop of that
wrapper would leave it running.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from ingest.devstack.emulator_files import find_jar, find_java
from ingest.process.parent_death import tied_command
from ingestsite import configuration

MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
WATCHED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
MAX_EXPORT_SHARE = 0.05  # of the time, since the emulator answers slowly meanwhile
MAX_EXPORT_SECONDS = 300  # of one export
STOP_SECONDS = 20  # from SIGTERM to SIGKILL
METADATA = "*.overall_export_metadata"

NO_JAVA = (
    "Google's Firestore emulator needs Java 17 or newer: install it, for example with Debian's "
    "package default-jre-headless or with `make emulator`."
)
NO_JAR = (
    "Google's Firestore emulator is not on this machine: get it with `make emulator`, with "
    "`gcloud components install cloud-firestore-emulator`, with `npx firebase-tools "
    "setup:emulators:firestore`, or with Google's Debian package "
    "google-cloud-cli-firestore-emulator; or name its jar in INGEST_EMULATOR_JAR."
)


@dataclass(frozen=True)
class Exports:
    """The exports of one database in a folder, of which only the last whole one is kept."""

    folder: Path
    url: str
    project: str
    database: str

    @property
    def _last(self) -> Path:
        return self.folder / "last"

    def last(self) -> Path | None:
        """Return the file that describes the last whole export."""
        return next(self._last.glob(METADATA), None)

    def export(self) -> None:
        """
        Write all documents to a new folder, which then takes the place of the last one.

        Raises:
            OSError: they are not written, and the last export stays.
        """
        name = f"export-{time.time_ns()}"
        database = f"projects/{self.project}/databases/{self.database}"
        request = {
            "database": database,
            "export_directory": str(self.folder),
            "export_name": name,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        answer = requests.post(
            f"{self.url}/emulator/v1/projects/{self.project}:export",
            json=request,
            timeout=MAX_EXPORT_SECONDS,
        )
        answer.raise_for_status()
        self._replace_last(self.folder / name)

    def _replace_last(self, export: Path) -> None:
        """Point `last` to an export in one step, and delete every other one."""
        for file in export.rglob("*"):
            if file.is_file():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
        link = self.folder / "next"
        link.unlink(missing_ok=True)
        link.symlink_to(export.name)
        link.replace(self._last)
        for other in self.folder.glob("export-*"):
            if other != export:
                shutil.rmtree(other, ignore_errors=True)


def command(
    jar: str, java: str, *, host: str = "127.0.0.1", imported: Path | None = None
) -> list[str]:
    """Return the server's command line; the tests' networks use another host."""
    return [
        java,
        f"-Xmx{configuration.FIRESTORE_HEAP_MB}m",
        "-XX:+ExitOnOutOfMemoryError",
        "-Duser.language=en",
        "-cp",
        jar,
        MAIN_CLASS,
        "--host",
        host,
        "--port",
        str(configuration.FIRESTORE_PORT),
        *(("--import-data", str(imported)) if imported else ()),
    ]


def serve(start: Sequence[str], exports: Exports | None, *, export_seconds: float) -> int:
    """Run the server until a signal or its end, export meanwhile, and return its status."""
    pause = export_seconds if exports else threading.TIMEOUT_MAX
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
    server = subprocess.Popen(tied_command(signal.SIGKILL, start))
    while server.poll() is None:
        received = signal.sigtimedwait(WATCHED_SIGNALS, pause)
        if received and received.si_signo == signal.SIGCHLD:
            continue
        if exports:
            pause = max(export_seconds, _try_export(exports) / MAX_EXPORT_SHARE)
        if received:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=STOP_SECONDS)
            server.kill()
            server.wait()
            return 0
    return server.returncode if server.returncode > 0 else 1


def _try_export(exports: Exports) -> float:
    """Export, and return the seconds that it took."""
    began = time.monotonic()
    try:
        exports.export()
    except OSError as error:
        print(f"the documents are not exported, the last export stays: {error}", flush=True)
    else:
        seconds = time.monotonic() - began
        print(f"the documents are exported to {exports.folder} in {seconds:.1f} s", flush=True)
    return time.monotonic() - began


def _keeps(exports: Exports, last: Path | None) -> str:
    """Say what was imported, and when documents are exported."""
    seconds = configuration.EMULATOR_EXPORT_SECONDS
    if not seconds:
        return "no documents are imported or exported (INGEST_EMULATOR_EXPORT_SECONDS=0)"
    when = f"exported every {seconds} s and at a stop to {exports.folder}"
    if last is None:
        return f"no documents are imported; they are {when}"
    written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last.stat().st_mtime))
    return f"the documents of {written} are imported; they are {when}"


def main() -> int:
    """Run the server, or print in one sentence what is missing."""
    if not configuration.EMULATOR_IS_OURS:
        print("No emulator is needed: the store is elsewhere.", flush=True)
        signal.pause()
    java, jar = find_java(), find_jar(configuration.EMULATOR_JAR)
    if not (java and jar):
        print(NO_JAR if java else NO_JAVA, file=sys.stderr)
        return os.EX_CONFIG
    exports = Exports(
        configuration.EMULATOR_FOLDER,
        f"http://127.0.0.1:{configuration.FIRESTORE_PORT}",
        configuration.FIRESTORE_PROJECT,
        configuration.FIRESTORE_DATABASE,
    )
    seconds = configuration.EMULATOR_EXPORT_SECONDS
    last = exports.last() if seconds else None
    print(_keeps(exports, last), flush=True)
    start = command(jar, java, imported=last)
    return serve(start, exports if seconds else None, export_seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
