"""
Become Google's Firestore emulator, on loopback. Its documents are lost when it stops.

    python -m ingest.devstack.firestore_emulator

This process becomes the server, without the `gcloud` wrapper. A stop of that wrapper would leave
the server running.
"""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from ingestsite import configuration

MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"

NO_JAVA = (
    "Google's Firestore emulator needs Java 17 or newer: install it, for example with Debian's "
    "package default-jre-headless."
)
NO_JAR = (
    "Google's Firestore emulator is not on this machine: get it with `gcloud components install "
    "cloud-firestore-emulator`, with `npx firebase-tools setup:emulators:firestore`, or with "
    "Google's Debian package google-cloud-cli-firestore-emulator; or name its jar in "
    "INGEST_EMULATOR_JAR."
)


def find_jar() -> Path | None:
    """Return the newest jar of the emulator, in the first folder that has one."""
    for folder, pattern in _locations():
        found = sorted(folder.glob(pattern))
        if found:
            return found[-1]
    return None


def _locations() -> Iterator[tuple[Path, str]]:
    jar = "cloud-firestore-emulator*.jar"
    below_sdk = f"platform/cloud-firestore-emulator/{jar}"
    if configuration.EMULATOR_JAR:
        own = Path(configuration.EMULATOR_JAR)
        yield own.parent, own.name
        return
    yield Path("/usr/lib/google-cloud-sdk"), below_sdk
    yield Path.home() / "google-cloud-sdk", below_sdk
    yield Path.home() / ".cache/firebase/emulators", jar


def command(jar: Path, java: str, *, host: str = "127.0.0.1") -> list[str]:
    """Return the server's command line; the tests' networks use another host."""
    return [
        java,
        f"-Xmx{configuration.FIRESTORE_HEAP_MB}m",
        "-XX:+ExitOnOutOfMemoryError",
        "-Duser.language=en",
        "-cp",
        str(jar),
        MAIN_CLASS,
        "--host",
        host,
        "--port",
        str(configuration.FIRESTORE_PORT),
    ]


def main() -> None:
    """Start the server, or print in one sentence what is missing."""
    if not configuration.EMULATOR_IS_OURS:
        print("No emulator is needed: the store is elsewhere.", flush=True)
        signal.pause()
    java, jar = shutil.which("java"), find_jar()
    if java and jar:
        os.execv(java, command(jar, java))
    print(NO_JAR if java else NO_JAVA, file=sys.stderr)
    sys.exit(os.EX_CONFIG)


if __name__ == "__main__":
    main()
