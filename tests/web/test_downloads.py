"""What the pages, the API and the command let people take away, with its source line."""

import csv
import io
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ingest.analytics import table_formats, tables
from ingest.analytics.table_formats import FORMATS, Table, write
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.store import open_store
from tests.support.clients import keyed
from tests.support.factories import NOON, entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

OBAMA, GAZETTE = entity_id("PERSON", "obama"), publication_id("The Gazette")
NAMED = f"/entities/{OBAMA}"
PAGES = {
    f"/publications/{GAZETTE}/entities": "/api/publications/The Gazette/entities",
    f"/publications/{GAZETTE}/days": "/api/publications/The Gazette/days",
    f"/publications/{GAZETTE}/posts": "/api/publications/The Gazette/posts",
    f"{NAMED}/days": f"/api{NAMED}/days",
    f"{NAMED}/posts": f"/api{NAMED}/posts",
    f"{NAMED}/mentioned-with": f"/api{NAMED}/mentioned-with",
    "/compare": "/api/comparison",
}
PARAMETERS = {"/compare": {"of": GAZETTE}, "/api/comparison": {"of": "The Gazette"}}


@pytest.fixture(autouse=True)
def saved(sql_store: None) -> None:
    """Save posts, one of them with a title that a spreadsheet would run."""
    posts = [with_entities(str(n), [entity("Obama", 2), entity("Odin")]) for n in range(3)]
    open_store().add([*posts[1:], posts[0].model_copy(update={"title": "=1+1"})])


def rows_of(body: bytes, format_: str) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of an export, and its source line."""
    if format_ == "parquet":
        found = pyarrow.parquet.read_table(io.BytesIO(body))
        return found.to_pylist(), found.schema.metadata[b"source"].decode()
    if format_ == "json":
        data = json.loads(body)
        return data["rows"], data["source"]
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    return rows, rows[0]["source"]


def body_of(client: Client, path: str) -> bytes:
    answer = client.get(path, PARAMETERS.get(path.rpartition(".")[0]))
    assert answer.status_code == HTTPStatus.OK, (path, answer.content)
    return b"".join(answer)


@pytest.mark.parametrize("page", list(PAGES)[1:])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_page_and_the_api_export_the_same_rows(page: str, format_: str) -> None:
    own, source = rows_of(body_of(Client(), f"{page}.{format_}"), format_)
    by_api, _ = rows_of(body_of(keyed(["read"]), f"{PAGES[page]}.{format_}"), format_)
    without = [{k: v for k, v in row.items() if k != "source"} for row in own]
    assert without == [{k: v for k, v in row.items() if k != "source"} for row in by_api] != []
    assert source.startswith("Source: ingest. ")
    assert "counted in 3 posts" in source


def test_a_list_of_names_is_exported_as_parquet_too() -> None:
    page, by_api = next(iter(PAGES.items()))
    for client, path in ((Client(), page), (keyed(["read"]), by_api)):
        rows, source = rows_of(body_of(client, f"{path}.parquet"), "parquet")
        assert [(row["text"], row["mentions"], row["of_posts"]) for row in rows] == [
            ("Obama", 6, 3),
            ("Odin", 3, 3),
        ]
        assert "Names in The Gazette, counted in 3 posts" in source


def test_trends_are_exported_with_both_samples(tmp_path: Path) -> None:
    names = [entity("Odin")]
    posts = [
        with_entities(
            f"{day} {n}",
            names if day == 4 else [],
            publication="The Riser",
            published_at=NOON.replace(day=day),
        )
        for day in (2, 4)
        for n in range(20)
    ]
    open_store().add(posts)
    file, since = tmp_path / "trends.json", "2026-05-03"
    options = {"publication": "The Riser", "since": since, "format": "json", "output": file}
    call_command("export", "trends", **options)
    bodies = [
        file.read_bytes(),
        body_of(Client(), f"/publications/{publication_id('The Riser')}/trends.json?since={since}"),
        body_of(keyed(["read"]), f"/api/publications/The Riser/trends.json?since={since}"),
    ]
    for body in bodies:
        (row,), source = rows_of(body, "json")
        assert (row["text"], row["posts"], row["before"]) == ("Odin", 20, 0)
        assert row["direction"] == "rising"
        assert "against 20 posts" in source
        assert "counted in 20 posts" in source


def test_posts_come_page_by_page_and_no_spreadsheet_runs_a_title(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "PAGE_POSTS", 2)
    rows, _ = rows_of(body_of(Client(), f"/publications/{GAZETTE}/posts.csv"), "csv")
    assert sorted(row["title"] for row in rows) == ["", "", "'=1+1"]
    assert {row["names"] for row in rows} == {"Obama; Odin"}


def test_parquet_is_written_in_parts_that_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_formats, "ROWS", 3)
    table = Table("x", {"n": "whole", "t": "text"}, ((n, None) for n in range(10)), "here")
    parts = list(write(table, "parquet"))
    assert len(parts) == 5
    rows, source = rows_of(b"".join(parts), "parquet")
    assert ([row["n"] for row in rows], source) == (list(range(10)), "here")


@pytest.mark.parametrize(
    "path",
    [f"/publications/{GAZETTE}/posts.csv?since=x", "/compare.csv?of=Nowhere", "/compare.csv"],
)
def test_a_wrong_filter_is_no_export(path: str) -> None:
    assert Client().get(path).status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("entities", {"publication": "The Gazette"}),
        ("days", {"publication": GAZETTE}),
        ("days", {"entity": OBAMA}),
        ("comparison", {"of": ["The Gazette"]}),
        ("mentioned-with", {"entity": OBAMA}),
        ("posts", {"publication": "The Gazette", "since": "2026-05-01"}),
        ("posts", {"entity": OBAMA}),
    ],
)
def test_the_command_writes_each_of_them(
    what: str, options: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    call_command("export", what, format="json", output=file, **options)
    rows, source = rows_of(file.read_bytes(), "json")
    assert rows
    assert "counted in 3 posts" in source


@pytest.mark.parametrize(
    "options", [{}, {"publication": "Nowhere"}, {"publication": "The Gazette", "since": "may"}]
)
def test_the_command_says_what_is_wrong(options: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        call_command("export", "posts", **options)


EMBEDS = [
    f"/embed/publications/{GAZETTE}/days",
    f"/embed{NAMED}/days",
    f"/embed/compare?of={GAZETTE}",
]


@pytest.mark.parametrize("address", EMBEDS)
def test_a_chart_can_be_shown_on_any_site_with_its_source(address: str) -> None:
    page = Client().get(address)
    assert "counted in 3 posts" in page.content.decode()
    assert "frame-ancestors *" in page["Content-Security-Policy"]
    assert "X-Frame-Options" not in page
    picture = Client().get(
        address.replace("/days", "/days.svg").replace("/compare", "/compare.svg")
    )
    assert picture["Content-Type"].startswith("image/svg+xml")
    assert picture.content.startswith(b"<svg")
    assert b"Source: ingest." in picture.content
    assert b"<script" not in picture.content


@pytest.mark.parametrize("address", EMBEDS)
def test_a_chart_is_not_shown_where_pages_need_a_login(address: str, settings: Any) -> None:
    settings.PAGES = "login"
    answer = Client().get(address)
    assert answer.status_code in (HTTPStatus.FOUND, HTTPStatus.NOT_FOUND)
