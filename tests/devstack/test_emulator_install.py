"""Java and the emulator's jar are installed where they are missing."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest.devstack.emulator_install import InstallError, fetch
from ingest.devstack.ports import free_ports

JAR = os.urandom(3 << 20)
SHA256 = hashlib.sha256(JAR).hexdigest()


class Server(ThreadingHTTPServer):
    """A web server with the jar, which may end an answer early."""

    sent_bytes: int | None = None
    ranges: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/emulator.jar"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(JAR) - begin))
        self.end_headers()
        self.wfile.write(JAR[begin:][: self.server.sent_bytes])

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.ranges = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_jar_is_fetched_once(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "a cache" / "emulator.jar"
    for _ in range(2):
        fetch(server.url, SHA256, path)
    assert path.read_bytes() == JAR
    assert list(path.parent.iterdir()) == [path]
    assert len(server.ranges) == 1


def test_another_file_than_the_pinned_one_is_refused_and_deleted(
    server: Server, tmp_path: Path
) -> None:
    with pytest.raises(InstallError, match="another file than expected"):
        fetch(server.url, "0" * 64, tmp_path / "emulator.jar")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_ends_early_goes_on_the_next_time(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "emulator.jar"
    server.sent_bytes = 1 << 20
    with pytest.raises(InstallError, match="the connection ended early"):
        fetch(server.url, SHA256, path)
    assert not path.exists()
    server.sent_bytes = None
    fetch(server.url, SHA256, path)
    assert path.read_bytes() == JAR
    assert server.ranges == ["bytes=0-", f"bytes={1 << 20}-"]


@pytest.mark.parametrize("asked", ["directly", "by the command"])
def test_a_machine_that_is_offline_is_told_so_in_one_sentence(tmp_path: Path, asked: str) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/emulator.jar"
    words = f"{url} cannot be fetched (no connection). INGEST_STORE=sql needs neither"
    if asked == "directly":
        with pytest.raises(InstallError) as error:
            fetch(url, SHA256, tmp_path / "emulator.jar")
        assert str(error.value).startswith(words)
        return
    environment = {
        "INGEST_STATE_DIR": str(tmp_path),
        "INGEST_EMULATOR_URL": url,
        "HOME": str(tmp_path),
        "PATH": _folder_with_java(tmp_path),
    }
    code = f"from ingest.devstack import emulator_files, emulator_install as install; {NO_DEBIAN}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; install.install()"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(words)
    assert len(done.stderr.splitlines()) == 1


# Debian's package may be installed here.
NO_DEBIAN = "emulator_files.DEBIAN_SDK = '/nowhere'"


def _folder_with_java(folder: Path) -> str:
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.touch(0o700)
    return str(java.parent)
