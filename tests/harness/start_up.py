"""
The time from `make run` to the first saved post, and what the processes of the start cost.

    python -m tests.harness.start_up [--rounds N] [--store sql firestore]

The program starts a real stack again and again on a tree that is installed and has state. It sends
one post as soon as the web server answers. It prints a line of JSON and a row for each start. Its
status is 1 if a post was not saved.
"""

import sys
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil
import requests

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack.stack import Stack, wait_until
from tests.harness import runner
from tests.support.processes import processes, words

LIMIT_SECONDS = 120
READY = b"| ready: posts"
# A sign in the command line of each kind of process. Processes that are forked keep their parent's.
KINDS = {
    "supervisor": "ingest.devstack.run",
    "web": "gunicorn",
    "extract": "-Q extract",
    "save": "-Q save",
    "notify": "-Q notify",
    "broker": "valkey",
    "emulator": "java",
    "store": "firestore_emulator",
    "flower": "flower",
}


@dataclass(frozen=True)
class Result(runner.Result):
    """
    Seconds since the command until it is ready, until the first 202, and until that post is saved.

    `cpu` has the processor seconds of each kind of process when the post is saved. Those of
    `prepare` are of all processes that have ended by then.
    """

    store: str
    ready: float
    accepted: float
    saved: float
    cpu_all: float
    cpu: dict[str, float]

    @property
    def right(self) -> bool:
        """Whether the post was saved."""
        return self.saved < LIMIT_SECONDS


def kind(process: psutil.Process) -> str:
    """Return the kind of a process."""
    line = words(process)
    return next((kind for kind, sign in KINDS.items() if sign in line), "other")


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """Return the processor seconds of each kind of process so far, the greatest first."""
    seconds: dict[str, float] = defaultdict(float)
    for process in processes(stack):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds[kind(process)] += times.user + times.system
            seconds["prepare"] += times.children_user + times.children_system
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    return {kind: round(spent, 2) for kind, spent in ordered if spent >= 0.01}


def start(stack: Stack, client: ApiClient, store: str) -> Result:
    """Start a stack, send a post, wait until it is saved, and stop the stack."""
    earlier = stack.log.stat().st_size
    began = time.monotonic()
    post = {**next(iter(samples.read())), "id": f"start {began}"}
    seconds: dict[str, float] = {}
    post_id = ""
    cpu: dict[str, float] = {}

    def note(what: str) -> None:
        seconds.setdefault(what, round(time.monotonic() - began, 2))

    def has_all() -> bool:
        nonlocal post_id, cpu
        if READY in stack.log.read_bytes()[earlier:]:
            note("ready")
        with suppress(ApiError, requests.RequestException):
            if not post_id:
                post_id = client.submit([post])[0]["id"]
                note("accepted")
            if not cpu and client.post(post_id)["status"] == "saved":
                note("saved")
                cpu = cpu_seconds(stack)
        return len(seconds) == 3

    stack.launch()
    wait_until(has_all, seconds=LIMIT_SECONDS, what="the stack is ready and saves a post")
    stack.stop()
    return Result(store=store, **seconds, cpu_all=round(sum(cpu.values()), 2), cpu=cpu)


def rounds(options: Namespace) -> Iterator[Result]:
    """Start on each store; the first start of each makes the state, so it does not count."""
    for store in options.store:
        # An installed package has its bytecode, whatever the environment of the tests says.
        settings = {"INGEST_STORE": store, "PYTHONDONTWRITEBYTECODE": ""}
        with (
            runner.temporary_folder("start") as folder,
            runner.prepared_stack(folder, settings, flower=True) as (stack, client, _),
        ):
            start(stack, client, store)
            for _ in range(options.rounds):
                yield start(stack, client, store)


def main() -> int:
    """Measure, and print the figures."""
    parser = runner.argument_parser("start_up", "Time the start of a stack.")
    parser.add_argument("--rounds", type=int, default=5, help="starts of each store (%(default)s)")
    parser.add_argument("--store", nargs="+", choices=("sql", "firestore"), default=["sql"])
    return runner.exit_status(runner.run_rounds(rounds(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
