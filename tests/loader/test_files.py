"""Files at URLs, from a web server on this machine."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

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
    """Serve FILES and ranges of them; below /cut/ the connection ends too early."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        content = FILES.get(path.removeprefix("/cut"))
        if content is None:
            self.send_error(404)
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start:][: len(content) // 2 if path.startswith("/cut") else None])

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


@pytest.mark.parametrize("path", FILES)
def test_a_file_at_a_url_is_read_as_one_on_this_machine(server: str, path: str) -> None:
    found, _ = read_rows(RowReader(Columns()), f"{server}{path}?signature=1")
    assert [row.post for row in found] == POSTS


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


@pytest.mark.parametrize("module", ["smart_open", "smart_open.gcs"])
def test_a_url_without_its_package_names_the_package(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(CorruptFile, match=f"^gs://bucket/p.jsonl: {NO_PACKAGE}$"):
        read_rows(RowReader(Columns()), "gs://bucket/p.jsonl")


def test_a_url_is_known_by_itself_and_named_by_its_path() -> None:
    url = "https://example.org/a/news.csv.gz?token=x/y"
    assert (identity_of(url), name_of(url), size_of([url])) == (url, "news.csv.gz", None)
