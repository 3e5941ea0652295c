"""Files loaded into a running stack by a client without the stack's settings."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests
from pyarrow import parquet

from ingest import samples
from ingest.client import ApiClient
from ingest.core.posts import publication_key
from ingest.devstack.demo import EntityMentions, await_empty, counted
from ingest.devstack.simulate import simulate
from ingest.devstack.stack import Stack, wait_until
from ingest.loader.reading.compression import zstd
from ingestsite.configuration import ROOT
from tests.harness.fuzz import running
from tests.support.unavailable import unavailable
from tests.support.verdict import mentions

TEXTS = [post["content"] for post in samples.read()][:20]

Loading = tuple[Stack, ApiClient]


@pytest.fixture(scope="module")
def loading(emulator: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loading]:
    """Run a stack, and return it with a client."""
    with running(tmp_path_factory.mktemp("loading")) as (stack, client):
        yield stack, client


class Loader:
    """The loader in an environment with its key only, in which no server would start."""

    def __init__(self, stack: Stack, client: ApiClient, folder: Path) -> None:
        self.folder = folder / "state" / "load"
        self._environment = {
            "PATH": os.environ["PATH"],
            "INGEST_PRODUCTION": "on",
            "INGEST_STATE_DIR": str(folder / "state"),
            "INGEST_URL": stack.url,
            "INGEST_KEY": client.headers["Authorization"].split()[-1],
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "manage.py", "load_posts", "--json", *arguments]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def load(self, *arguments: str, text: str = "") -> tuple[int, dict[str, Any], str]:
        """Load to the end; return the status, the summary and the other output."""
        process = self.start(*arguments)
        out, said = process.communicate(text)
        return process.returncode, json.loads(out) if out else {}, said

    def rows(self) -> int:
        """Return how many rows are done, by the checkpoint of the only load."""
        return sum(json.loads(path.read_text())["rows"] for path in self.folder.glob("*.journal"))


@pytest.fixture
def loader(loading: Loading, tmp_path: Path) -> Loader:
    return Loader(*loading, tmp_path)


def expected(posts: Sequence[Mapping[str, str]]) -> EntityMentions:
    """Return what the model alone counts in distinct posts."""
    counts: EntityMentions = Counter()
    for post in posts:
        for name, times in mentions(post["content"]).items():
            counts[publication_key(post["publication"]), *name] += times
    return counts


def counted_in(client: ApiClient, publication: str) -> tuple[int, EntityMentions]:
    """Return the posts and the mentions that are counted for one publication."""
    await_empty(client)
    key = publication_key(publication)
    counts = Counter({name: times for name, times in counted(client).items() if name[0] == key})
    posts = {p["name"]: p["posts"] for p in client.publications()}
    return posts.get(publication, 0), counts


def write_lines(path: Path, posts: Sequence[Mapping[str, str]]) -> str:
    path.write_text("\n".join(map(json.dumps, posts)))
    return str(path)


def test_a_load_that_is_interrupted_twice_counts_each_post_once(
    loading: Loading, loader: Loader, tmp_path: Path
) -> None:
    name = "The Long File"
    posts = [
        {"publication": name, "content": TEXTS[n % len(TEXTS)], "id": str(n)} for n in range(600)
    ]
    rows = [*posts[:200], {"publication": name}, *posts[200:]]
    path = write_lines(tmp_path / "long.jsonl", rows)
    slowly = ("--batch-posts", "5", "--connections", "3", path)
    for number, after in ((signal.SIGINT, 50), (signal.SIGKILL, 300)):
        process = loader.start(*slowly)
        wait_until(lambda: loader.rows() >= after, seconds=60, what="some rows are done")  # noqa: B023
        process.send_signal(number)
        _, said = process.communicate()
        assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL), said
        assert after <= loader.rows() < len(rows)
    status, summary, said = loader.load(*slowly, "--wait")
    assert status == 1, said
    assert (summary["rows"], summary["accepted"], summary["refused"]) == (601, 600, 1)
    assert 300 <= summary["of_earlier_runs"] < 601
    assert summary["status"] == loading[1].status()
    assert summary["status"]["empty"]
    assert loader.rows() == 0
    (refused,) = loader.folder.glob("*.refused.jsonl")
    (line,) = map(json.loads, refused.read_text().splitlines())
    assert line == {
        "row": 201,
        "reasons": ["content: Field required"],
        "post": {"publication": name},
    }
    assert counted_in(loading[1], name) == (600, expected(posts))


def test_one_load_reads_files_of_every_kind(
    loading: Loading, loader: Loader, tmp_path: Path
) -> None:
    name = "All Kinds"
    posts = [{"publication": name, "content": text} for text in TEXTS]
    lines = [json.dumps(post).encode() + b"\n" for post in posts]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[:5])))
    (tmp_path / "b.jsonl.zst").write_bytes(zstd.compress(b"".join(lines[5:10])))
    cells = "".join(f'"{p["content"]}",{p["publication"]}\n' for p in posts[10:15])
    (tmp_path / "c.csv").write_text(f"article,publication\n{cells}")
    table = {key: [post[key] for post in posts[15:18]] for key in ("publication", "content")}
    parquet.write_table(pa.table({**table, "article": table.pop("content")}), tmp_path / "d.pq")
    files = sorted(map(str, tmp_path.glob("?.*")))
    column = ("--column", "content=article")
    status, summary, said = loader.load(
        *column, *files, "-", text=b"".join(lines[18:] + lines[:2]).decode()
    )
    assert (status, summary["rows"]) == (0, 22), said
    assert summary["accepted"] == 22
    assert not list(loader.folder.glob("*.refused.jsonl"))
    assert counted_in(loading[1], name) == (20, expected(posts))


def test_the_last_edit_in_a_file_counts(loading: Loading, loader: Loader, tmp_path: Path) -> None:
    client = loading[1]
    edits = [
        {"publication": "Edits", "id": str(n % 3), "title": str(n), "content": TEXTS[n % 20]}
        for n in range(200)
    ]
    path = write_lines(tmp_path / "edits.jsonl", edits)
    assert loader.load("--batch-posts", "2", "--wait", path)[0] == 0
    posts, counts = counted_in(client, "Edits")
    assert (posts, counts) == (3, expected(edits[-3:]))


def test_a_load_waits_while_the_intake_is_paused(
    loading: Loading, loader: Loader, tmp_path: Path
) -> None:
    stack, client = loading
    path = write_lines(tmp_path / "p.jsonl", [{"publication": "Paused", "content": "Oslo."}])
    assert requests.post(f"{stack.url}/api/drain", headers=client.headers, timeout=60).ok
    logged = len(stack.log.read_text(errors="replace"))
    process = loader.start(path)
    try:
        wait_until(
            lambda: "answered with 503" in stack.log.read_text(errors="replace")[logged:],
            seconds=60,
            what="the load was refused",
        )
        assert process.poll() is None
    finally:
        assert requests.post(f"{stack.url}/api/resume", headers=client.headers, timeout=60).ok
    out, said = process.communicate()
    assert process.returncode == 0, said
    assert json.loads(out)["accepted"] == 1
    assert counted_in(client, "Paused")[0] == 1


def test_a_load_goes_on_after_503_on_every_endpoint(
    loading: Loading, loader: Loader, tmp_path: Path
) -> None:
    stack, client = loading
    path = write_lines(tmp_path / "p.jsonl", [{"publication": "Away", "content": "Oslo."}])
    away = {"/api/limits": 2, "/api/posts?priority=bulk": 2, "/api/status": 3}
    with unavailable(stack.url, away) as (url, left):
        status, summary, said = loader.load("--url", url, "--wait", path)
    assert status == 0, said
    assert left.total() == 0
    assert (summary["accepted"], summary["status"]["empty"]) == (1, True)
    assert "waiting, 503: The database is away." in said
    assert counted_in(client, "Away")[0] == 1


def test_ctrl_c_ends_the_wait_for_empty_queues(
    loading: Loading, loader: Loader, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "p.jsonl", [{"publication": "Away", "content": "Paris."}])
    with unavailable(loading[0].url, {"/api/status": 1000}) as (url, _):
        process = loader.start("--url", url, "--wait", path)
        assert process.stderr is not None
        assert any(line.startswith("waiting") for line in process.stderr)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate()
    assert process.returncode == 130, said
    assert json.loads(out)["accepted"] == 1


def test_a_summary_survives_503_too(loading: Loading, loader: Loader, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", [{"publication": "Away", "content": "Rome."}])
    with unavailable(loading[0].url, {"/api/status": 1}) as (url, _):
        status, summary, said = loader.load("--url", url, path)
    assert status == 0, said
    assert summary["status"]["writable"]


def test_a_preset_loads_its_collection(loading: Loading, loader: Loader, tmp_path: Path) -> None:
    posts = [{"publication": "HuffPost", "content": text} for text in TEXTS[:5]]
    items = [
        {"headline": "", "link": "", "short_description": post["content"], "date": "2018-05-26"}
        for post in posts
    ]
    path = write_lines(tmp_path / "News_Category_Dataset_v3.json", items)
    status, summary, said = loader.load("--like", "huffpost", path)
    assert (status, summary["accepted"]) == (0, 5), said
    assert counted_in(loading[1], "HuffPost") == (5, expected(posts))


def test_a_load_that_cannot_start_says_why_in_one_sentence(
    loading: Loading, loader: Loader, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "p.jsonl", [{"publication": "P", "content": "Oslo."}])
    for arguments, word in (
        (("--key", "ing_wrong", path), "401"),
        (("--url", f"{loading[0].url}/nowhere", path), "404"),
        (("--url", "http://127.0.0.1:9", path), "does not answer"),
        ((str(tmp_path / "none.jsonl"),), "No such file"),
    ):
        status, summary, said = loader.load(*arguments)
        assert (status, summary) == (1, {})
        assert word in said
        assert "Traceback" not in said


def test_every_post_of_simulated_publishers_is_counted(loading: Loading) -> None:
    verdicts = simulate(loading[1], seconds=2, rate=60, seed=2)
    assert [one for one in verdicts if not one.right] == []
    sums = {name: sum(vars(one)[name] for one in verdicts) for name in ("saved", "accepted")}
    assert sums["saved"] == sums["accepted"] > 50
    assert all(sum(vars(one)[name] for one in verdicts) for name in ("repeated", "refused"))
