"""
Fill a store with one large publication, and time what its pages ask.

    python -m tests.harness.large_publication [--posts N] [--entities N]
        [--database postgresql|firestore|URL] [--folder FOLDER] [--tries N]

Prints the milliseconds a post of each tenth, the seconds that its packs take, and the 95th
percentile of each page's queries; null if the store did not answer in time. A folder, or the URL of
a database, keeps what was filled, and a later run only asks. Google's emulator of Firestore forgets
it. Exits 0 only if the recount of the publication finds no wrong counter.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from ingest.devstack.stack import Stack
from tests.harness import runner
from tests.support import postgresql, servers
from tests.support.firestore_reads import counted_reads
from tests.support.programs import start

if TYPE_CHECKING:
    from ingest.core.messages import PostEntities

NAME = "The Large Gazette"
DAYS = 3 * 365
POST_ENTITIES = 10
COMMIT_POSTS = 200
RARE_NAMES = 50  # in each of the posts that mention every name once more
SMALL_PUBLICATIONS = 50  # which mention the same entities
SEED = 1
EMULATOR_HEAP_MB = "16000"  # it keeps every version of every document
FAMILIES = ("PERSON", "ORG", "GPE", "EVENT")


def main() -> int:
    """Read the command line, and measure in a process whose settings name the database."""
    parser = runner.argument_parser("large_publication", __doc__)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--database", default="sqlite", help="or postgresql, firestore, a URL")
    parser.add_argument("--folder", type=Path, help="a folder that keeps the state")
    parser.add_argument("--tries", type=int, default=40, help="of each question (%(default)s)")
    options = parser.parse_args()
    with ExitStack() as exits:
        store = "firestore" if options.database == "firestore" else "sql"
        own = {"INGEST_STORE": store, "INGEST_LOG_LEVEL": "WARNING"}
        if options.database == "postgresql":
            server = exits.enter_context(postgresql.running(fsync=True))
            own["INGEST_DATABASE_URL"] = server.new_database()
        elif "://" in options.database:
            own["INGEST_DATABASE_URL"] = options.database
        folder = options.folder or exits.enter_context(runner.temporary_folder("large"))
        folder.mkdir(exist_ok=True)
        stack = Stack(folder, own)
        if store == "firestore":
            exits.enter_context(_emulator_of(stack))
        stack.manage("migrate", "--verbosity", "0")
        call = f"measure({options.posts}, {options.entities}, tries={options.tries})"
        code = f"from tests.harness.large_publication import measure\nraise SystemExit({call})"
        with start(stack, code) as program:
            assert program.stdout
            for line in program.stdout:
                print(line, end="", flush=True)
        return program.returncode


def _emulator_of(stack: Stack) -> AbstractContextManager[None]:
    port = stack.environment["INGEST_FIRESTORE_PORT"]
    variables = {**stack.environment, "INGEST_FIRESTORE_HEAP_MB": EMULATOR_HEAP_MB}
    return servers.server("ingest.devstack.firestore_emulator", int(port), variables)


def measure(posts: int, entities: int, *, tries: int) -> int:
    """Fill the store of the settings if it is empty, and print figures; return the exit status."""
    from ingest.core.posts import publication_id
    from ingest.store import open_store
    from ingestsite import configuration

    os.environ["FIRESTORE_EMULATOR_HOST"] = configuration.OWN_EMULATOR  # this package unsets it
    if not open_store().publication(NAME):
        runner.print_figures({"fill_ms_a_post": list(_fill(posts, entities))})
    began = time.perf_counter()
    open_store().prepare_windows(publication_id(NAME), limit=10 * DAYS)
    runner.print_figures({"packs_seconds": round(time.perf_counter() - began, 1)})
    for name, ask in _questions().items():
        runner.print_figures({"question": name, "p95_ms": _p95(ask, tries), **_reads(ask)})
    began = time.perf_counter()
    wrong = bool(open_store().recount(NAME).diff)
    seconds = round(time.perf_counter() - began, 1)
    runner.print_figures({"recount_seconds": seconds, "counters_wrong": wrong})
    return int(wrong)


def _fill(posts: int, entities: int) -> Iterator[float]:
    """Add posts, a tenth after the other, and return how long a post of each took."""
    from ingest.store import open_store

    chance = random.Random(SEED)
    weights = [1 / (rank + 10) for rank in range(entities)]
    numbers = range(entities)
    for tenth in range(10):
        seconds = 0.0
        for first in range(tenth * posts // 10, (tenth + 1) * posts // 10, COMMIT_POSTS):
            picked = iter(chance.choices(numbers, weights, k=COMMIT_POSTS * POST_ENTITIES))
            batch = [_post(first + n, posts, picked) for n in range(COMMIT_POSTS)]
            began = time.perf_counter()
            open_store().add(batch)
            seconds += time.perf_counter() - began
        yield round(seconds * 1000 / (posts / 10), 2)
    small = (_small_post(n) for n in range(SMALL_PUBLICATIONS))
    open_store().add(list(small))
    for first in range(0, entities, COMMIT_POSTS * RARE_NAMES):
        starts = range(first, min(first + COMMIT_POSTS * RARE_NAMES, entities), RARE_NAMES)
        open_store().add([_rare_post(start, entities) for start in starts])


def _post(number: int, posts: int, picked: Iterator[int]) -> "PostEntities":
    from tests.support.factories import entity, with_entities

    names = dict.fromkeys(next(picked) for _ in range(POST_ENTITIES))
    day = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number * DAYS // posts)
    found = [entity(f"Name {n}", 1 + n % 3, label=FAMILIES[n % 4]) for n in names]
    return with_entities(str(number), found, publication=NAME, published_at=day)


def _rare_post(start: int, entities: int) -> "PostEntities":
    """Return a post that mentions the next names once more, so that every name is there."""
    from tests.support.factories import entity, with_entities

    numbers = range(start, min(start + RARE_NAMES, entities))
    found = [entity(f"Name {n}", label=FAMILIES[n % 4]) for n in numbers]
    day = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=DAYS)
    return with_entities(f"rare {start}", found, publication=NAME, published_at=day)


def _small_post(number: int) -> "PostEntities":
    from tests.support.factories import entity, with_entities

    found = [entity(f"Name {n}", label=FAMILIES[n % 4]) for n in range(POST_ENTITIES)]
    return with_entities(str(number), found, publication=f"Small {number}")


def _questions() -> dict[str, Callable[[], object]]:
    """Return what each page asks of the store, by a name."""
    from ingest.analytics.name_search import NameQuery, search_names
    from ingest.analytics.summaries import summarise_window
    from ingest.analytics.trends import TrendQuery, read_trends
    from ingest.core.day_window import DayWindow
    from ingest.core.entity_names import entity_id
    from ingest.store import open_store
    from ingest.store.base import Cursor, EntityFilter, PostCursor

    store = open_store()
    top = entity_id("PERSON", "name 0")
    page = EntityFilter[Cursor](limit=26)
    by_posts = EntityFilter[Cursor](limit=26, order="posts")
    publication = store.publication(NAME)
    assert publication
    searches = {
        "every name": "name",
        "many names": "12",
        "a rare name": "12345",
        "two words": "name 1234",
        "no name": "nobody",
    }
    trends = {
        "a month": TrendQuery(since="2025-03-01", until="2025-03-31"),
        "a week": TrendQuery(since="2025-03-03", until="2025-03-09"),
    }
    windows = {
        "week": DayWindow("2025-03-03", "2025-03-09"),
        "month": DayWindow("2025-03-01", "2025-03-31"),
        "year": DayWindow("2025-01-01", "2025-12-31"),
        "long window": DayWindow("2024-03-01"),
    }
    return {
        "publications": lambda: store.publications(limit=25),
        "publication": lambda: store.publication(NAME),
        "families": lambda: store.families(NAME),
        "top": lambda: store.entities(NAME, page),
        "a page far down": lambda: store.entities(
            NAME, EntityFilter(limit=26, after=Cursor(20, "8"))
        ),
        "a family": lambda: store.entities(NAME, EntityFilter(limit=26, family="GROUP")),
        "a prefix": lambda: store.entities_by_prefix(NAME, "name 12", EntityFilter(limit=26)),
        "an entity everywhere": lambda: store.entity_everywhere(top, limit=20),
        "its posts": lambda: store.posts_mentioning(top, limit=11),
        "its posts of a year before": lambda: store.posts_mentioning(
            top, name=NAME, limit=11, after=PostCursor("2025-01-01", _some_post())
        ),
        **{
            f"within a {name}": partial(store.entities_within, NAME, window, page)
            for name, window in windows.items()
        },
        "by posts": lambda: store.entities(NAME, by_posts),
        "a family by posts": lambda: store.entities(NAME, replace(by_posts, family="GROUP")),
        **{
            f"by posts within a {name}": partial(store.entities_within, NAME, window, by_posts)
            for name, window in windows.items()
        },
        **{
            f"a summary of a {name}": partial(
                summarise_window, store, publication, window, "mentions"
            )
            for name, window in windows.items()
        },
        **{
            f"search for {name}": partial(search_names, store, NameQuery(q=words))
            for name, words in searches.items()
        },
        **{
            f"trends of {name}": partial(read_trends, store, publication, query)
            for name, query in trends.items()
        },
    }


def _some_post() -> str:
    from tests.support.factories import with_entities

    return with_entities("0", publication=NAME).post_id


def _p95(ask: Callable[[], object], tries: int) -> float | None:
    """Return the 95th percentile in milliseconds; None if the store does not answer in time."""
    from ingest.store.base import StoreUnavailable

    try:
        return round(quantiles([_milliseconds(ask) for _ in range(tries)], n=20)[-1], 1)
    except StoreUnavailable:
        return None


def _reads(ask: Callable[[], object]) -> dict[str, int | None]:
    """
    Return the documents that Firestore reads for a question, and nothing of another store.

    They are None if the store does not answer in time.
    """
    from ingest.store.base import StoreUnavailable
    from ingestsite import configuration

    if configuration.STORE != "firestore":
        return {}
    with counted_reads() as reads:
        try:
            ask()
        except StoreUnavailable:
            return {"documents": None}
    return {"documents": reads.documents}


def _milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
