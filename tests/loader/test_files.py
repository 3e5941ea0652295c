"""Files at URLs, from a web server on this machine."""

import gzip
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pytest
from pyarrow import parquet

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.files import NO_PACKAGE, CorruptFile, identity_of, name_of, size_of
from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row
from tests.support.rows import read_rows

POSTS = [{"publication": "P", "content": f"Oslo {n}."} for n in range(20_000)]
LINES = b"".join(json.dumps(post).encode() + b"\n" for post in POSTS)


def table() -> bytes:
    written = io.BytesIO()
    columns = {name: [post[name] for post in POSTS] for name in POSTS[0]}
    parquet.write_table(pa.table(columns), written)
    return written.getvalue()


def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("inside.jsonl", LINES)
    return written.getvalue()


FILES = {
    "/p.jsonl": LINES,
    "/p.jsonl.gz": gzip.compress(LINES),
    "/p.parquet": table(),
    "/p.zip": archive(),
}


class Handler(BaseHTTPRequestHandler):
    """
    Serve FILES and ranges of them, as a web server, as S3 and as Google's storage.

    Below /cut/ the connection ends too early.
    """

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path.startswith("/storage/") and "alt" not in parse_qs(path.query):
            name = unquote(path.path.rpartition("/")[2])
            size = len(FILES.get(f"/{name}", b""))
            self._answer(200, json.dumps({"name": name, "size": str(size)}).encode())
            return
        name = re.sub("^(/download)?(/storage/v1/b)?/bucket(/o)?", "", path.path)
        content = FILES.get(name.removeprefix("/cut"))
        if content is None:
            self.send_error(404)
        else:
            self._send(content, is_cut=name.startswith("/cut"))

    def _send(self, content: bytes, *, is_cut: bool) -> None:
        start, _, end = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        first = int(start) if start else len(content) - int(end)
        last = min(int(end or len(content)), len(content) - 1) if start else len(content) - 1
        part = content[first : last + 1]
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}", "ETag": '"1"'}
        status = 206 if "Range" in self.headers else 200
        self._answer(status, part[: len(part) // 2 if is_cut else None], len(part), headers)

    def _answer(
        self, status: int, body: bytes, length: int | None = None, headers: Mapping[str, str] = {}
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def services(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clients of S3 and of Google's storage speak to the server on this machine."""
    environment = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "nowhere",
        "AWS_MAX_ATTEMPTS": "1",
        "STORAGE_EMULATOR_HOST": server,
        "GOOGLE_CLOUD_PROJECT": "project",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("path", FILES)
def test_a_file_at_a_url_is_read_as_one_on_this_machine(server: str, path: str) -> None:
    found, _ = read_rows(RowReader(Columns()), f"{server}{path}?signature=1")
    assert [row.post for row in found] == POSTS


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("scheme", ["s3", "gs"])
@pytest.mark.parametrize("path", FILES)
def test_a_file_in_a_bucket_is_read_as_one_on_this_machine(scheme: str, path: str) -> None:
    found, _ = read_rows(RowReader(Columns()), f"{scheme}://bucket{path}")
    assert [row.post for row in found] == POSTS


@pytest.mark.usefixtures("services")
def test_a_bucket_without_the_file_is_one_sentence() -> None:
    with pytest.raises(CorruptFile, match=r"s3://bucket/none\.jsonl: "):
        read_rows(RowReader(Columns()), "s3://bucket/none.jsonl")


def test_a_connection_that_ends_too_early_is_not_the_end_of_the_file(server: str) -> None:
    found: list[Row] = []
    with pytest.raises(CorruptFile, match="IncompleteRead"):
        found.extend(RowReader(Columns()).rows(f"{server}/cut/p.jsonl", notify=print))
    assert 0 < len(found) < len(POSTS)
    assert [row.post for row in found] == POSTS[: len(found)]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9/p.jsonl", "http://127.0.0.1:9/p.jsonl: "),
        ("nowhere://x/p.jsonl", "nowhere"),
    ],
)
def test_a_url_that_cannot_be_read_is_one_sentence(url: str, reason: str) -> None:
    with pytest.raises(CorruptFile, match=reason):
        read_rows(RowReader(Columns()), url)


def test_an_answer_that_is_no_file_is_one_sentence(server: str) -> None:
    with pytest.raises(CorruptFile, match="404"):
        read_rows(RowReader(Columns()), f"{server}/none.jsonl")


@pytest.mark.parametrize("missing", ["smart_open", "google.cloud.storage"])
def test_a_url_without_its_package_names_the_package(missing: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None
from ingest.loader.reading.columns import Columns
from ingest.loader.reading.readers import RowReader
list(RowReader(Columns()).rows("gs://bucket/p.jsonl", notify=print))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1].endswith(f"CorruptFile: gs://bucket/p.jsonl: {NO_PACKAGE}")


def test_a_url_is_known_by_itself_and_named_by_its_path() -> None:
    url = "https://example.org/a/news.csv.gz?token=x/y"
    assert (identity_of(url), name_of(url), size_of([url])) == (url, "news.csv.gz", None)
