"""
Take pictures of every page on 350 real articles, and time the lists of entities.

    python -m tests.harness.pages FOLDER [--sizes 1000 10000 100000]

The folder gets pictures of each page in desktop and phone width, light and dark. The articles are
real, but their days, titles and addresses are invented. The program times lists through the web
server, one request at a time. It writes publications of so many entities into the emulator, without
posts. `p95_ms` is of the lists that need no query: the first page, the next, and one family. The
emulator reads a whole collection for any query, so queries are few. A query by Google's own client
stands beside them for comparison.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from google.cloud.firestore_v1 import Client
from playwright.sync_api import Browser, Page, StorageState
from rich.console import Console
from rich.table import Table

from ingest.client import ApiClient
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id, publication_key
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore import schema
from ingest.store.firestore.store import FirestoreStore
from tests.harness import runner
from tests.harness.articles import PUBLICATIONS, articles
from tests.support import editor
from tests.support.admin_client import log_in, make_operator
from tests.support.browser import chromium, serious_faults
from tests.support.factories import with_entities
from tests.support.stores import firestore_of

WIDTHS = {"desktop": 1280, "phone": 390}
SCHEMES = ("light", "dark")
REQUESTS = 60  # of each kind of list without a query
QUERIES = 5  # of each kind for which the emulator reads a whole collection
MAX_WAIT_SECONDS = 600  # for one request, or one condition
PROJECT = "demo-ingest"
SETTINGS = {"INGEST_FIRESTORE_HEAP_MB": "2048", "INGEST_STORE_SECONDS": "120"}
FIRST_DAY = datetime(2001, 9, 1, 8, tzinfo=UTC)
FAMILIES = {"PERSON": "PERSON", "PLACE": "GPE", "GROUP": "ORG", "WORK": "EVENT"}


def posts() -> Iterator[dict[str, Any]]:
    """Yield the articles as posts of five publications, on invented days."""
    chance = random.Random(8)
    for number, content in enumerate(chain(articles(), articles("lee"))):
        day = FIRST_DAY + timedelta(days=int(chance.triangular(0, 364, 100)))
        yield {
            "publication": PUBLICATIONS[number % len(PUBLICATIONS)],
            "title": " ".join(content.split()[:9]) + " …",
            "url": f"https://example.org/{number}",
            "published_at": day.isoformat(),
            "content": content,
        }


def show_everything(stack: Stack, client: ApiClient, folder: Path) -> tuple[Table, int, int]:
    """Take every picture; return a table, the number of pages, and axe's findings."""
    table = Table("page", "pictures", "serious findings", title="Pages")
    found = 0
    with chromium() as browser:
        pictures = [("empty", "/")]
        found += _take(browser, stack.url, folder, pictures, table)
        client.submit(list(posts()))
        wait_until(
            lambda: _saved(client) == 350, seconds=MAX_WAIT_SECONDS, what="350 posts are saved"
        )
        wait_until(lambda: _summarised(stack), seconds=300, what="the summaries are there")
        found += _take(browser, stack.url, folder, _pages(client), table)
        make_operator(stack)
        session = _logged_in(browser, stack)
        found += _take(browser, stack.url, folder, _own_pages(client), table, session=session)
        requests.post(f"{stack.url}/api/drain", headers=client.headers, timeout=60)
        firestore_of(PROJECT).add([with_entities("fresh", publication="Fresh")])
        found += _take(browser, stack.url, folder, [("drained-and-loading", "/")], table)
        requests.post(f"{stack.url}/api/resume", headers=client.headers, timeout=60)
        found += _take_correction(browser, stack, client, folder, table)
    return table, table.row_count, found


def _saved(client: ApiClient) -> int:
    return sum(publication["posts"] for publication in client.publications())


def _summarised(stack: Stack) -> bool:
    """Return whether the front page, which requests summaries, has all of them."""
    return "data-pending" not in requests.get(stack.url, timeout=60).text


def _pages(client: ApiClient) -> list[tuple[str, str]]:
    first, second, *_ = client.publications()
    top, other, *_ = (e for e in client.entities(first["name"]) if e["label"] == "GPE")
    page = f"/publications/{first['id']}"
    return [
        ("front", "/"),
        ("publication", page),
        ("publication-filtered", f"{page}?family=PERSON&since=2001-09-20&until=2001-10-20"),
        ("entity", f"/entities/{top['id']}"),
        ("trends", f"{page}/trends"),
        ("search", "/search?q=un"),
        ("compare", f"/compare?of={first['id']}&of={second['id']}"),
        ("compare-names", f"/compare?name={top['id']}&name={other['id']}"),
        ("mentioned-with", f"/entities/{top['id']}/mentioned-with"),
        ("posts", f"{page}/posts"),
        ("post", f"/posts/{next(client.mentions(top['id']))['id']}"),
        ("embed", f"/embed{page}/days"),
        ("embed-name", f"/embed/entities/{top['id']}/days"),
        ("embed-compare", f"/embed/compare?of={first['id']}&of={second['id']}"),
        ("login", "/login"),
        ("not-here", "/nothing"),
    ]


def _own_pages(client: ApiClient) -> list[tuple[str, str]]:
    """Return the pages that only an account sees."""
    first, *_ = client.publications()
    top = next(e for e in client.entities(first["name"]) if e["label"] == "GPE")
    return [
        ("watch-name", f"/entities/{top['id']}/watch"),
        ("watch-publication", f"/publications/{first['id']}/watch"),
        ("watches", "/watches"),
    ]


def _logged_in(browser: Browser, stack: Stack) -> StorageState:
    """Return the cookies of an account that watches the first publication."""
    context = browser.new_context()
    page = context.new_page()
    log_in(page, stack)
    page.goto(stack.url)
    page.locator(".card h2 a").first.click()
    page.locator("#watch summary").click()
    page.locator("#watch button").click()
    page.wait_for_url("**/watches?made=*")
    state = context.storage_state()
    context.close()
    return state


def _take_correction(
    browser: Browser, stack: Stack, client: ApiClient, folder: Path, table: Table
) -> int:
    """Take what an editor sees who merges a name: the search, the preview, and what follows."""
    editor.make_editor(stack)
    context = browser.new_context()
    page = context.new_page()
    editor.log_in(page, stack.url)
    session = context.storage_state()
    first, *_ = client.publications()
    merged, into, *_ = (e for e in client.entities(first["name"]) if e["label"] == "NORP")
    path = f"/entities/{merged['id']}/correct?" + urlencode({"q": into["text"]})
    found = _take(browser, stack.url, folder, [("correct", path)], table, session=session)
    found += _take(
        browser,
        stack.url,
        folder,
        [("correct-preview", path)],
        table,
        session=session,
        step=editor.preview_merge,
    )
    page.goto(stack.url + path)
    editor.preview_merge(page)
    editor.confirm(page)
    made = page.url.removeprefix(stack.url)
    wait_until(lambda: _is_applied(page), seconds=MAX_WAIT_SECONDS, what="posts count anew")
    context.close()
    pages = [("correction", made), ("corrected", f"/entities/{into['id']}")]
    return found + _take(browser, stack.url, folder, pages, table, session=session)


def _is_applied(page: Page) -> bool:
    page.reload()
    return "data-pending" not in page.content()


def _take(
    browser: Browser,
    url: str,
    folder: Path,
    pages: list[tuple[str, str]],
    table: Table,
    *,
    session: StorageState | None = None,
    step: Callable[[Page], None] | None = None,
) -> int:
    """Take pages in each width and scheme, after a step on each; return axe's findings."""
    found = 0
    for name, path in pages:
        faults: list[str] = []
        for scheme in SCHEMES:
            for width_name, width in WIDTHS.items():
                window = {"width": width, "height": 900}
                context = browser.new_context(
                    viewport=window,  # type: ignore[arg-type]
                    color_scheme=scheme,  # type: ignore[arg-type]
                    storage_state=session,
                )
                page = context.new_page()
                page.goto(url + path)
                if step:
                    step(page)
                page.screenshot(path=folder / f"{name}-{width_name}-{scheme}.png", full_page=True)
                faults += serious_faults(page)
                context.close()
        table.add_row(name, str(len(SCHEMES) * len(WIDTHS)), "\n".join(faults) or "none")
        found += len(faults)
    return found


def fill(size: int, *, client: Client) -> str:
    """Write a publication of so many entities, and return the publication's name."""
    name = f"Of {size} entities"
    pub_id = publication_id(name)
    publication = client.collection(schema.PUBLICATIONS).document(pub_id)
    publication.set({"key": publication_key(name), "name": name})
    publication.collection(schema.SHARDS).document("0").set({"posts": size, "days": {DAY: size}})
    for start in range(0, size, 500):
        batch = client.batch()
        for number in range(start, min(start + 500, size)):
            id_, document = _entity(number)
            batch.set(publication.collection(schema.ENTITIES).document(id_), document)
        batch.commit()
    return name


DAY = "2026-05-04"


def _entity(number: int) -> tuple[str, schema.Document]:
    family = list(FAMILIES)[number % len(FAMILIES)]
    key = f"{WORDS[number % len(WORDS)]} {number}"
    mentions = 1 + 200_000 // (number + 1)
    id_ = entity_id(family, key)
    return id_, {
        "id": id_,
        "family": family,
        "key": key,
        "mentions": mentions,
        "posts": 1 + mentions // 2,
        "days": {DAY: mentions},
        "labels": {FAMILIES[family]: mentions},
        "forms": {schema.FORM + key.title(): mentions},
    }


WORDS = ("angela", "berlin", "cyprus", "delhi", "obama", "oslo", "paris", "united")


def measure(stack: Stack, client: ApiClient, name: str, store: FirestoreStore) -> dict[str, float]:
    """Wait for the summary; return each kind of list's 95th percentile in milliseconds."""
    page = f"{stack.url}/publications/{publication_id(name)}"
    wait_until(lambda: not _pending(page), seconds=MAX_WAIT_SECONDS, what="the summary is there")
    api = f"{stack.url}/api/publications/{publication_id(name)}/entities?limit=25"
    answer = requests.get(api, headers=client.headers, timeout=MAX_WAIT_SECONDS).json()
    stored = {"first page": api, "next page": stack.url + answer["next"]}
    stored["one family"] = f"{api}&family=PLACE"
    queried = {"by beginning": f"{api}&prefix=ob", "within days": f"{api}&since={DAY}"}
    times = {kind: _times(url, client, REQUESTS) for kind, url in stored.items()}
    indexed = [t for kind in stored for t in times[kind]]
    times["the page"] = _times(page, client, REQUESTS)
    times |= {kind: _times(url, client, QUERIES) for kind, url in queried.items()}
    times["a bare query"] = list(_bare(store, name))
    return {**{kind: _p95(t) for kind, t in times.items()}, "indexed": _p95(indexed)}


def _pending(page: str) -> bool:
    return "data-pending" in requests.get(page, timeout=MAX_WAIT_SECONDS).text


def _bare(store: FirestoreStore, name: str) -> Iterator[float]:
    """Yield the milliseconds of the smallest query by Google's client: any 25 documents."""
    entities = store._database.entities(publication_id(name))
    for _ in range(QUERIES):
        started = time.perf_counter()
        list(entities.limit(25).stream())
        yield 1000 * (time.perf_counter() - started)


def _times(url: str, client: ApiClient, count: int) -> list[float]:
    with requests.Session() as session:
        session.headers.update(client.headers)
        for _ in range(3):  # each web process opens its connections first
            _milliseconds(session, url)
        return [_milliseconds(session, url) for _ in range(count)]


def _milliseconds(session: requests.Session, url: str) -> float:
    started = time.perf_counter()
    session.get(url, timeout=MAX_WAIT_SECONDS).raise_for_status()
    return 1000 * (time.perf_counter() - started)


def _p95(times: list[float]) -> float:
    return round(sorted(times)[int(0.95 * (len(times) - 1))], 1)


def measure_all(
    stack: Stack, client: ApiClient, sizes: list[int]
) -> tuple[Table, dict[str, float]]:
    """Time publications of these sizes; return a table, and the figures without a query."""
    table = Table("entities", title="95th percentile, ms")
    figures: dict[str, float] = {}
    store = firestore_of(PROJECT)
    for size in sizes:
        found = measure(stack, client, fill(size, client=store._client), store)
        if not figures:
            for kind in found:
                table.add_column(kind, justify="right")
        table.add_row(f"{size:,}", *(f"{value:g}" for value in found.values()))
        figures[f"p95_ms_{size}"] = found["indexed"]
    return table, figures


def main() -> None:
    """Take the pictures, time the lists, and print the figures."""
    parser = runner.argument_parser("pages", "Take pictures of the pages, and time the lists.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 10_000, 100_000])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    console = Console(width=120)
    with (
        runner.temporary_folder("pages") as state,
        runner.prepared_stack(state, SETTINGS) as (stack, client, _),
    ):
        port = stack.environment["INGEST_FIRESTORE_PORT"]
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        stack.start()
        pages, count, faults = show_everything(stack, client, options.folder)
        console.print(pages)
        speed, figures = measure_all(stack, client, options.sizes)
        console.print(speed)
    console.print(f"The pictures are in {options.folder}.")
    runner.print_figures({"pages": count, **figures, "accessibility_serious": faults})


if __name__ == "__main__":
    main()
