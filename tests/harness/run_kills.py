"""
The kill test of runs: save workers die in the middle of forgetting, deleting, renaming and merging.

    python -m tests.harness.run_kills [--posts N] [--probability P] [--stores sqlite firestore]

The program saves posts of six publications. Then it starts five runs at once on one save worker:
forget posts, forget texts, delete, rename and merge. Each child may be killed by SIGKILL before
and after each commit of a step and each message of the next step. The whole worker is killed once
and started again. Posts for the merged publication arrive meanwhile. At the end each publication
must have exactly the counts of its posts, and a recount must agree. The program prints a line of
JSON for each store and a table. Its status is 1 if anything differs.
"""

import signal
import sqlite3
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.broker import connection, publish
from ingest.broker.admission import get_admission
from ingest.core.counts import Counts, count_posts
from ingest.core.messages import PostEntities
from ingest.devstack.ports import listens
from ingest.devstack.stack import Stack, wait_until
from ingest.process.parent_death import tied_command
from ingest.store.base import Store
from ingestsite import configuration
from tests import environment
from tests.harness import runner
from tests.harness.attacked_store import AttackedStore, attacked_store
from tests.support import faulty_runs, prepared, servers
from tests.support.factories import entity, with_entities
from tests.support.processes import kill, main_and_children

STORES = ("sqlite", "firestore")
MAX_RUN_SECONDS = 1500  # on a slow machine
WORKER = "-Q save"
COMMAND = [
    "celery",
    "-A",
    "ingestsite",
    "worker",
    "-Q",
    "save",
    "-n",
    "save@%h",
    "--concurrency",
    "2",
]
DEATH = "exited with 'signal 9 (SIGKILL)'"  # what Celery logs once for each child
LATE_POSTS = 20
FORGOTTEN_BEFORE = 5  # posts of the merged publication

# When the posts of the runs that go by days were accepted, and the days of these runs.
ANCIENT, OLD, YOUNG = (datetime(year, 3, 1, 12, tzinfo=UTC) for year in (2021, 2023, 2026))
START = """
from ingest.operations import audit
from ingest.operations.store_runs import *
by = audit.command_actor()
forget_before("2022-01-01", Kind.FORGET_POSTS, by=by)
forget_before("2024-01-01", Kind.FORGET_TEXTS, by=by)
delete_publication("The Deleted", by=by)
move_publication("The Merged", "The Target", by=by)
move_publication("The Old Name", "The New Name", by=by)
"""


@dataclass(frozen=True)
class Result(runner.Result):
    """What a run ended with; `lost` to `not_forgotten` must be 0."""

    store: str
    posts: int
    deaths: int
    lost: int
    doubled: int
    counters_wrong: int
    recounts_wrong: int
    not_forgotten: int
    problems: int
    seconds: int

    @property
    def right(self) -> bool:
        """Whether every count is exact, although workers died."""
        wrong = self.lost + self.doubled + self.counters_wrong + self.recounts_wrong
        return not wrong + self.not_forgotten + self.problems and self.deaths > 0


def posts_of(publication: str, number: int, *, accepted_at: datetime = YOUNG) -> list[PostEntities]:
    """Return posts whose entities partly repeat."""
    return [
        with_entities(
            f"{accepted_at.year}-{n}",
            [entity("Obama", 1 + n % 3), entity(f"Name {n % 7}"), entity("Oslo", label="GPE")],
            publication=publication,
            accepted_at=accepted_at,
        )
        for n in range(number)
    ]


class Posts:
    """The posts of each publication before the runs, those that come late, and the outcome."""

    def __init__(self, number: int) -> None:
        self.saved = {
            "The Forgotten": [
                *posts_of("The Forgotten", number, accepted_at=ANCIENT),
                *posts_of("The Forgotten", number // 4),
            ],
            "The Textless": posts_of("The Textless", number, accepted_at=OLD),
            **{
                name: posts_of(name, number)
                for name in ("The Deleted", "The Merged", "The Target", "The Old Name")
            },
        }
        late = posts_of("The Merged", number + LATE_POSTS)
        self.late = late[number:]

    def expected(self) -> Mapping[str, Counts]:
        """Return what each publication must count after the runs."""
        after: Mapping[str, Sequence[PostEntities]] = {
            "The Forgotten": self.saved["The Forgotten"],
            "The Textless": self.saved["The Textless"],
            "The Deleted": [],
            "The Merged": [],
            "The Target": [*self.saved["The Target"], *self.saved["The Merged"], *self.late],
            "The Old Name": [],
            "The New Name": self.saved["The Old Name"],
        }
        return {name: count_posts(posts) for name, posts in after.items()}

    def save(self, store: Store) -> None:
        """Save the posts, and forget some of those that will be merged."""
        for posts in self.saved.values():
            store.add(posts)
        merged = self.saved["The Merged"][:FORGOTTEN_BEFORE]
        store.forget([post.post_id for post in merged], at=YOUNG)


def judge(store: Store, posts: Posts) -> dict[str, int]:
    """Compare every publication with its posts, and with a recount."""
    found = dict.fromkeys(("lost", "doubled", "counters_wrong", "recounts_wrong"), 0)
    for name, expected in posts.expected().items():
        recount = store.recount(name)
        stored = recount.stored
        found["lost"] += max(0, expected.posts - stored.posts)
        found["doubled"] += max(0, stored.posts - expected.posts)
        found["counters_wrong"] += sum(
            stored.entities.get(key) != expected.entities.get(key)
            for key in stored.entities.keys() | expected.entities.keys()
        ) + (stored.days != expected.days)
        found["recounts_wrong"] += bool(recount.diff)
    ancient = [p for p in posts.saved["The Forgotten"] if p.accepted_at == ANCIENT]
    is_summed = store.checkpoint("The Forgotten") == count_posts(ancient)
    left = len(store.posts_before("2022-01-01", limit=9999))
    left += len(store.posts_before("2024-01-01", limit=9999, with_text=True))
    return {**found, "not_forgotten": left + (not is_summed)}


class Worker:
    """One save worker of a stack that is not started otherwise."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with its lines in the log of the stack."""
        with self._stack.log.open("ab") as log:
            self._process = subprocess.Popen(
                tied_command(signal.SIGTERM, [sys.executable, "-m", *COMMAND]),
                cwd=configuration.ROOT,
                env=self._stack.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """Kill it with its children."""
        main, children = main_and_children(self._stack, WORKER)
        for process in (*main, *children):
            kill(process)
        self.wait()

    def stop(self) -> None:
        """Stop it as a terminal does."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended."""
        if self._process:
            self._process.wait(timeout=120)


def read_runs(stack: Stack) -> list[tuple[str | None, str, int]]:
    """Return the end, the problem and the progress of each run."""
    with closing(sqlite3.connect(stack.folder / "ingest.sqlite3", timeout=60)) as database:
        return database.execute("SELECT ended_at, problem, done FROM ingest_storerun").fetchall()


@contextmanager
def broker() -> Iterator[None]:
    """Run the tests' own broker, unless a test has started it, and empty it."""
    if listens(environment.BROKER_PORT):
        connection.redis_client().flushall()
        yield
        return
    with servers.valkey():
        yield


def run_kills(folder: Path, *, store: str, posts: int, probability: float) -> Result:
    """Do the runs on one store, and judge them."""
    with attacked_store(store, folder) as attacked, broker():
        return _run(folder, attacked, store=store, number=posts, probability=probability)


def _run(
    folder: Path, attacked: AttackedStore, *, store: str, number: int, probability: float
) -> Result:
    stack = Stack(
        folder,
        {
            **faulty_runs.settings(folder / "faults", probability=probability),
            **attacked.settings,
            "INGEST_BROKER_URL": configuration.BROKER_URL,
            "INGEST_VISIBILITY_SECONDS": "6",
            "INGEST_MERGE_SECONDS": "0",
        },
    )
    prepared.prepare(stack)
    posts, worker = Posts(number), Worker(stack)
    with attacked.open(stack) as opened:
        posts.save(opened)
    began = time.monotonic()
    try:
        worker.start()
        stack.manage("shell", "--no-imports", "-c", START)
        wait_until(
            lambda: sum(done for _, _, done in read_runs(stack)) > number,
            seconds=MAX_RUN_SECONDS,
            what="the runs have begun",
        )
        worker.kill()
        publish.enqueue_save(posts.late)
        worker.start()
        wait_until(
            lambda: all(ended for ended, _, _ in read_runs(stack)),
            seconds=MAX_RUN_SECONDS,
            what="every run has ended",
        )
        wait_until(is_idle, seconds=MAX_RUN_SECONDS, what="no message is left")
    finally:
        worker.stop()
    with attacked.open(stack) as opened:
        result = Result(
            store=store,
            posts=sum(map(len, posts.saved.values())) + LATE_POSTS,
            deaths=stack.log.read_text(errors="replace").count(DEATH) + 1,
            problems=sum(bool(problem) for _, problem, _ in read_runs(stack)),
            seconds=round(time.monotonic() - began),
            **judge(opened, posts),
        )
    if not result.right:
        runner.keep_log(stack.log, f"run-kills-{store}.log")
    return result


def is_idle() -> bool:
    """Return whether the broker has no message, waiting or in progress."""
    return get_admission().backlog().messages == 0


def rounds(options: Namespace) -> Iterator[Result]:
    """Run each store."""
    for store in options.stores:
        with runner.temporary_folder("run-kills") as folder:
            yield run_kills(
                folder, store=store, posts=options.posts, probability=options.probability
            )


def main() -> int:
    """Do every run that the command line asks for."""
    parser = runner.argument_parser("run_kills", "Kill workers in the middle of runs.")
    parser.add_argument("--posts", type=int, default=1000, help="of each publication")
    parser.add_argument("--probability", type=float, default=0.05)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    return runner.exit_status(runner.run_rounds(rounds(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
