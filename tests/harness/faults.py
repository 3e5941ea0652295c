"""
The fault test: workers are killed between each effect and its acknowledgement, half of the time.

    python -m tests.harness.faults [--posts N] [--probability P] [--brokers embedded rabbitmq]
                                   [--store sqlite]

The program runs the real stack and sends it good posts. Each child may be killed by SIGKILL after
each hand-over, after each commit and before each acknowledgement. At the end every counter is
compared with the model run by itself, and no post may be a dead letter. The program prints a line
of JSON for each broker and a table. Its status is 1 if anything differs.
"""

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from ingest import samples
from ingest.devstack.stack import wait_until
from tests.harness import runner
from tests.harness.attacked_store import STORES, AttackedStore, attacked_store
from tests.support import faulty_worker
from tests.support.sender import Sender, is_empty
from tests.support.verdict import judge, redelivered

LIST_POSTS = 20  # of one request
MAX_SETTLE_SECONDS = 1500  # on a slow machine


@dataclass(frozen=True)
class Result(runner.Result):
    """What a run ended with; all posts are saved, and the other figures but three are 0."""

    broker: str
    accepted: int
    saved: int
    lost: int
    doubled: int
    counters_wrong: int
    dead: int
    not_poison: int
    deaths: int
    redelivered: int
    seconds: int

    @property
    def right(self) -> bool:
        """Whether every post is saved once, although workers died."""
        wrong = self.lost + self.doubled + self.counters_wrong + self.dead
        return not wrong and self.saved == self.accepted and self.deaths > 0


def faults(folder: Path, *, broker: str, store: str, posts: int, probability: float) -> Result:
    """Do one run, and judge it."""
    with attacked_store(store, folder) as attacked:
        return _run(folder, attacked, broker=broker, posts=posts, probability=probability)


def _run(
    folder: Path, attacked: AttackedStore, *, broker: str, posts: int, probability: float
) -> Result:
    settings = {
        **faulty_worker.settings(folder / "faults", probability=probability),
        **attacked.settings,
        "INGEST_EXTRACT_CONCURRENCY": "4",
        "INGEST_VISIBILITY_SECONDS": "6",
        "INGEST_MERGE_SECONDS": "2",
    }
    began = time.monotonic()
    with runner.prepared_stack(folder, settings, broker=broker) as (stack, client, _):
        stack.start()
        wait_until(lambda: is_empty(client), seconds=60, what="the queues are there")
        sender = Sender(client)
        sender.send_in_lists(
            [
                {**sample, "id": str(number)}
                for number, sample in enumerate(islice(cycle(samples.read()), posts))
            ],
            size=LIST_POSTS,
        )
        wait_until(
            lambda: is_empty(client), seconds=MAX_SETTLE_SECONDS, what="the queues are empty"
        )
        log = stack.log.read_text(errors="replace")
        dead_letters = stack.manage("dead_letters", "list")
        with attacked.open(stack) as store:
            judgement = judge(sender.sent, dead_letters, store)
        result = Result(
            broker=broker,
            accepted=len(sender.sent),
            deaths=log.count("signal 9 (SIGKILL)"),
            redelivered=redelivered(log),
            seconds=round(time.monotonic() - began),
            **judgement,
        )
        if not result.right:
            runner.keep_log(stack.log, f"faults-{broker}.log")
        return result


def rounds(options: Namespace) -> Iterator[Result]:
    """Run each broker."""
    for broker in options.brokers:
        with runner.temporary_folder("faults") as folder:
            sizes = {"posts": options.posts, "probability": options.probability}
            yield faults(folder, broker=broker, store=options.store, **sizes)


def main() -> int:
    """Do every run that the command line asks for."""
    parser = runner.argument_parser("faults", "Kill workers between effect and acknowledgement.")
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--probability", type=float, default=0.5)
    parser.add_argument("--store", choices=STORES, default="firestore")
    parser.add_argument("--brokers", nargs="+", default=runner.BROKERS)
    return runner.exit_status(runner.run_rounds(rounds(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
