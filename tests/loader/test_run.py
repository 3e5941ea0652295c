"""A load that was stopped continues exactly, or starts again if other options change its rows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django.live_server_helper import LiveServer

from ingest.loader.console import LoadConsole
from ingest.loader.reading.columns import Columns
from ingest.loader.reading.csv_reader import Dialect
from ingest.loader.reading.dates import Dates
from ingest.loader.reading.readers import RowReader
from ingest.loader.run import Load, Target
from ingest.loader.sender import Backoff, RequestSize
from ingest.models import ApiKey, Scope
from tests.support.clients import queued

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_broker", "forgotten_keys"),
]

ROWS = 16
STOP_AFTER = 4
BERLIN = Dates(ZoneInfo("Europe/Berlin"))

Loader = Callable[..., "Console"]


class Console(LoadConsole):
    """A console that keeps what is said, and stops the load after some rows."""

    def __init__(self, backoff: Backoff, stop_after: int | None) -> None:
        super().__init__(None)
        self.said: list[str] = []
        self.load: Load | None = None
        self._backoff = backoff
        self._stop_after = stop_after

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def show(self, path: str, *, offset: int, rows: int, note: str) -> None:
        if self._stop_after and rows >= self._stop_after:
            self._backoff.stopping.set()

    def restarted(self) -> bool:
        """Return whether the load started again at its first row."""
        return any("starts at the first" in sentence for sentence in self.said)


@pytest.fixture
def load(live_server: LiveServer, tmp_path: Path) -> Loader:
    """Return a function that loads a file, one row a request."""
    _, key = ApiKey.create("load", scopes=list(Scope.values))
    target = Target(live_server.url, key, 1, RequestSize(1, 1_000_000))

    def run(path: Path, reader: RowReader, *, stop_after: int | None = None) -> Console:
        backoff = Backoff(timeout_seconds=60)
        console = Console(backoff, stop_after)
        console.load = Load(
            [str(path)], reader=reader, target=target, folder=tmp_path / "load", backoff=backoff
        )
        assert console.load.run(console, from_start=False) == (stop_after is None)
        return console

    return run


def table(date: str) -> str:
    rows = "".join(f"P,Oslo {n}.,{date}\n" for n in range(ROWS))
    return f"publication,content,published_at\n{rows}"


DATED, EXACT = table("2018-02-01"), table("2018-02-01T00:00:00Z")
PLAIN = RowReader(Columns())


def contents() -> list[str]:
    """Return the content of each distinct post on the queue."""
    return sorted({post["content"] for post in queued()})


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        (EXACT, RowReader(Columns(), dates=BERLIN)),  # its dates have a zone
        (DATED, RowReader(Columns(), dialect=Dialect(quotes="none"))),  # it has no quotes
        (DATED, RowReader(Columns(), dialect=Dialect(delimiter=","))),
        (DATED, RowReader(Columns(publication="Q"))),
        (DATED, RowReader(Columns(), encoding="windows-1252")),
    ],
    ids=["zone", "quotes", "delimiter", "publication", "encoding"],
)
def test_options_that_change_no_row_continue(
    load: Loader, tmp_path: Path, text: str, reader: RowReader
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    load(path, PLAIN, stop_after=STOP_AFTER)
    console = load(path, reader)
    assert console.load is not None
    assert not console.restarted()
    assert console.load.resumed >= STOP_AFTER
    assert console.load.counts["accepted"] == ROWS


@pytest.mark.parametrize(
    "reader",
    [
        RowReader(Columns(), dates=BERLIN),
        RowReader(Columns({"content": ("publication",)})),
        RowReader(Columns({"published_at": ("none",)}, needed=("content",))),
        RowReader(Columns(), dates=Dates(format="%Y/%m/%d")),
    ],
    ids=["zone", "column", "no date", "date format"],
)
def test_options_that_change_a_row_start_again(
    load: Loader, tmp_path: Path, reader: RowReader
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(DATED)
    load(path, PLAIN, stop_after=STOP_AFTER)
    console = load(path, reader)
    assert console.load is not None
    assert console.restarted()
    assert console.load.resumed == 0
    assert sum(console.load.counts.values()) == ROWS


def test_a_header_changes_every_row(load: Loader, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("".join(f"Oslo {n}.,Rome {n}.\n" for n in range(ROWS)))
    for names, restarted in ((("content", "title"), False), (("title", "content"), True)):
        reader = RowReader(Columns(publication="P"), dialect=Dialect(header=names))
        console = load(path, reader, stop_after=None if restarted else STOP_AFTER)
        assert console.restarted() == restarted
    assert {f"Rome {n}." for n in range(ROWS)} <= set(contents())


@pytest.mark.parametrize("stop_after", [1, 5, 10])
def test_a_file_with_broken_rows_continues_exactly(
    load: Loader, tmp_path: Path, stop_after: int
) -> None:
    path = tmp_path / "p.tsv"
    broken = {2: '"a" b', 5: '"never', 9: 'x"y', 13: '"also" c'}
    lines = [f"P\t{broken.get(n, f'Oslo {n}.')}\n" for n in range(ROWS)]
    path.write_text("publication\tcontent\n" + "".join(lines))
    load(path, PLAIN, stop_after=stop_after)
    console = load(path, PLAIN)
    assert console.load is not None
    assert not console.restarted()
    assert (console.load.counts["accepted"], console.load.counts["refused"]) == (ROWS - 3, 3)
    (refused,) = console.load.refused
    found = [json.loads(line)["row"] for line in refused.read_text().splitlines()]
    assert found == [3, 6, 14]
    expected = [f"Oslo {n}." for n in range(ROWS) if n not in broken]
    assert contents() == sorted([*expected, 'x"y'])


def test_a_json_array_continues_after_its_last_answered_element(
    load: Loader, tmp_path: Path
) -> None:
    path = tmp_path / "p.json"
    items: list[Any] = [{"publication": "P", "content": f"Oslo {n}."} for n in range(ROWS)]
    path.write_text(json.dumps([*items[:5], 7, *items[5:]], indent=1))
    load(path, PLAIN, stop_after=STOP_AFTER)
    console = load(path, PLAIN)
    assert console.load is not None
    assert console.load.resumed >= STOP_AFTER
    assert (console.load.counts["accepted"], console.load.counts["refused"]) == (ROWS, 1)
    assert contents() == sorted(item["content"] for item in items)
