"""
Many machines: one is cut off and comes back, one loses its power, and every count is exact.

    python -m tests.harness.multi_host [--posts N] [--outage SECONDS] [--concurrency N]

The six machines are network namespaces on a bridge of their own. Their names are web, queue
(RabbitMQ), extract-1, extract-2, save and data (PostgreSQL and the emulator). Clients send posts to
the web machine. Meanwhile the program pulls the cable of extract-1 and puts it back. Then it kills
extract-2 with its cable pulled, so that no other machine sees a connection end. At the end every
counter is compared with the model run by itself. The program prints a line for each event, a table
and a line of JSON. Its status is 1 if anything differs. It needs root. All machines, links and
processes end with the program, however it ends.
"""

import os
import re
import secrets
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from ingest import samples
from ingest.client import ApiClient
from ingest.devstack import emulator_files, firestore_emulator
from ingest.devstack.stack import EVERY_SCOPE, Stack, wait_until
from tests.harness import runner
from tests.support import postgresql, rabbitmq
from tests.support.network import NET, Machine, Network, run_apart, why_not
from tests.support.sender import Sender, is_empty
from tests.support.stores import firestore_of
from tests.support.verdict import judge, redelivered

BATCH_POSTS = 20  # posts a request
MAX_WAIT_SECONDS = 1500  # for any one condition, on a slow machine
PROJECT = "demo-hosts"
WEB_PORT, STORE_PORT = 8400, 8402

wait = partial(wait_until, seconds=MAX_WAIT_SECONDS)

WEB = ("gunicorn", "--config", "python:ingestsite.webserver", "ingestsite.wsgi")


@dataclass(frozen=True)
class Result(runner.Result):
    """What a run ended with; `dead`, `lost`, `doubled` and `counters_wrong` must be 0."""

    machines: int
    accepted: int
    saved: int
    dead: int
    lost: int
    doubled: int
    counters_wrong: int
    redelivered: int
    seconds_cut: float
    seconds: int

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, and the events really left holes."""
        wrong = self.dead + self.lost + self.doubled + self.counters_wrong
        return not wrong and self.saved == self.accepted and self.redelivered > 0


class Site:
    """Six machines, and the processes on each."""

    def __init__(self, network: Network, folder: Path) -> None:
        names = ("web", "queue", "extract-1", "extract-2", "save", "data")
        self.machines = {name: network.machine(name) for name in names}
        self.url = f"http://{self['web'].address}:{WEB_PORT}"
        self.store = f"{self['data'].address}:{STORE_PORT}"
        self.folder = folder
        self._settings: dict[str, str] = {}
        self._queues: Callable[[], str] = str

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    @contextmanager
    def services(self) -> Iterator[None]:
        """Run RabbitMQ, PostgreSQL and the store."""
        queue, data = self["queue"], self["data"]
        node = rabbitmq.RabbitMQ(self.folder / "rabbitmq", queue.address, queue.inside)
        server = postgresql.PostgreSQL(data.address, NET, data.inside)
        with ExitStack() as exits:
            exits.callback(server.stop)
            exits.callback(node.stop)
            server.start()
            node.start()
            self._queues = node.queues
            self._settings = {
                "INGEST_BROKER_URL": node.new_host(),
                "INGEST_DATABASE_URL": server.new_database(),
                "FIRESTORE_EMULATOR_HOST": self.store,
                "INGEST_FIRESTORE_PROJECT": PROJECT,
                # The machines share these secrets and nothing else.
                "INGEST_SECRET_KEY": secrets.token_urlsafe(48),
                "INGEST_FLOWER_PASSWORD": secrets.token_urlsafe(24),
                "INGEST_WEB_HOST": self["web"].address,
                "INGEST_WEB_PORT": str(WEB_PORT),
                "INGEST_ALLOWED_HOSTS": self["web"].address,
                "OPENBLAS_NUM_THREADS": "1",
                "INGEST_LOG_LEVEL": "DEBUG",  # it logs when a batch begins
            }
            data.start(_store_command(data.address), os.environ)
            yield

    def start(self, concurrency: int) -> ApiClient:
        """Start the service's processes, and return a client of the web machine."""
        web = self["web"]
        self.manage("migrate", "--verbosity", "0")
        key = self.manage("api_key", "create", "hosts", *EVERY_SCOPE).split()[-1]
        web.start(WEB, self._environment(web))
        for name, queue, size in (
            ("extract-1", "extract", concurrency),
            ("extract-2", "extract", concurrency),
            ("save", "save", 2),
        ):
            self[name].start(_worker(queue, size), self._environment(self[name]))
        client = ApiClient(self.url, key)
        wait(lambda: is_empty(client), what="the web machine answers")
        for name in ("extract-1", "extract-2", "save"):
            wait(lambda: " ready." in self.log(name), what=f"{name} is ready")  # noqa: B023
        return client

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py on the web machine."""
        command = (sys.executable, "manage.py", *arguments)
        return self["web"].run(command, self._environment(self["web"]))

    def log(self, name: str) -> str:
        """Return what the processes of a machine have logged so far."""
        return self[name].log.read_text(errors="replace")

    def batches(self, name: str) -> int:
        """Return how many batches a machine has begun."""
        return len(re.findall(r"\bbatch taken\b", self.log(name)))

    def redelivered(self) -> int:
        """Return how many messages the workers saw again, by what they logged."""
        return sum(redelivered(self.log(name)) for name in ("extract-1", "extract-2", "save"))

    def workers(self, queue: str) -> int:
        """Return how many workers consume a queue, as RabbitMQ counts them."""
        (consumers,) = re.findall(rf"^{queue}\t\d+\t\d+\t(\d+)$", self._queues(), re.M)
        return int(consumers)

    def show(self) -> None:
        """Print each machine with its address, its processes and their memory."""
        table = Table("machine", "address", "processes", "MB")
        for machine in self.machines.values():
            pids = machine.pids()
            megabytes = sum(psutil.Process(pid).memory_full_info().pss for pid in pids) // 10**6
            table.add_row(machine.name, machine.address, str(len(pids)), str(megabytes))
        Console().print(table)

    def keep_logs(self) -> None:
        """Copy the logs to a folder that outlives the machines."""
        for machine in self.machines.values():
            if machine.log.exists():
                runner.keep_log(machine.log, f"hosts/{machine.log.name}")

    def _environment(self, machine: Machine) -> dict[str, str]:
        folder = self.folder / machine.name
        folder.mkdir(exist_ok=True)
        return Stack(folder, self._settings).environment


def _store_command(host: str) -> list[str]:
    java, jar = emulator_files.find_java(), emulator_files.find_jar()
    assert java, firestore_emulator.NO_JAVA
    assert jar, firestore_emulator.NO_JAR
    command = firestore_emulator.command(jar, java, host=host)
    return [*command[:-1], str(STORE_PORT)]


def _worker(queue: str, concurrency: int) -> tuple[str, ...]:
    size = ("--concurrency", str(concurrency))
    return ("celery", "-A", "ingestsite", "worker", "-Q", queue, "-n", f"{queue}@%h", *size)


def start_sending(sender: Sender, posts: Sequence[dict[str, str]]) -> threading.Thread:
    """Send posts from a thread of its own."""
    size = {"size": BATCH_POSTS}
    thread = threading.Thread(target=sender.send_in_lists, args=(posts,), kwargs=size, daemon=True)
    thread.start()
    return thread


def posts_of(count: int) -> list[dict[str, str]]:
    """Return the samples in turn, each with an id of its own."""
    texts = list(samples.read())
    return [{**texts[n % len(texts)], "id": str(n)} for n in range(count)]


class EventPrinter:
    """Lines with the seconds since the start and the number of accepted posts."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._began = time.monotonic()

    def __call__(self, sentence: str) -> None:
        accepted = len(self._sender.sent)
        print(f"{self.seconds:6.1f} s, {accepted:6} accepted: {sentence}", flush=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


def disturb(site: Site, sender: Sender, posts: Sequence[dict[str, str]], outage: float) -> float:
    """Send all posts, cut one machine off and kill another; return the seconds cut."""
    say = EventPrinter(sender)
    third = -(-len(posts) // 3)
    threads = [start_sending(sender, posts[:third])]
    _await_batch(site, "extract-1")
    say(f"the cable of extract-1 is pulled for {outage:g} s")
    began = time.monotonic()
    site["extract-1"].cut()
    threads.append(start_sending(sender, posts[third : 2 * third]))
    time.sleep(outage)  # the outage itself: its length is the point
    site["extract-1"].restore()
    seconds_cut = time.monotonic() - began
    say("the cable of extract-1 is back")
    wait(lambda: site.workers("extract") == 2, what="extract-1 consumes its queue")
    threads.append(start_sending(sender, posts[2 * third :]))
    _await_batch(site, "extract-1")
    say("extract-1 works again")
    _await_batch(site, "extract-2")
    site["extract-2"].lose_power()
    say("extract-2 has lost its power, and none of its processes runs")
    for thread in threads:
        thread.join()
    say("every post is accepted")
    wait(lambda: is_empty(sender.client), what="the queues are empty")
    say("the queues are empty")
    return round(seconds_cut, 1)


def _await_batch(site: Site, name: str) -> None:
    """Wait until a machine begins one more batch, so that it has messages in progress."""
    before = site.batches(name)
    wait(lambda: site.batches(name) > before, what=f"{name} begins a batch")


def run(folder: Path, options: Namespace) -> Result:
    """Do the run, and judge it."""
    began = time.monotonic()
    with Network(folder) as network:
        site = Site(network, folder)
        with site.services(), _logs_kept_on_error(site):
            sender = Sender(site.start(options.concurrency))
            seconds_cut = disturb(site, sender, posts_of(options.posts), options.outage)
            site.show()
            os.environ["FIRESTORE_EMULATOR_HOST"] = site.store
            dead_letters = site.manage("dead_letters", "list")
            verdict = judge(sender.sent, dead_letters, firestore_of(PROJECT))
            verdict.pop("not_poison")  # no post of this run is poison
            result = Result(
                machines=len(site.machines),
                accepted=len(sender.sent),
                redelivered=site.redelivered(),
                seconds_cut=seconds_cut,
                seconds=round(time.monotonic() - began),
                **verdict,
            )
            if not result.right:
                site.keep_logs()
            return result


@contextmanager
def _logs_kept_on_error(site: Site) -> Iterator[None]:
    try:
        yield
    except BaseException:
        site.keep_logs()
        raise


def run_in_own_network() -> int:
    """Run this program again in a network of its own, or print why that is impossible."""
    if why := why_not():
        print(f"This machine cannot run several machines: {why}.", file=sys.stderr)
        return 1
    rabbitmq.install()
    postgresql.install()
    with runner.temporary_folder("hosts") as folder:
        folder.chmod(0o711)  # PostgreSQL runs as another user
        return run_apart(
            (sys.executable, "-m", "tests.harness.multi_host", *sys.argv[1:], "--apart"), folder
        )


def main() -> int:
    """Do what the command line asks for."""
    parser = runner.argument_parser("multi_host", "Cut off one machine of six, kill another.")
    parser.add_argument("--posts", type=int, default=5000)
    parser.add_argument("--outage", type=float, default=30, help="seconds that a cable is pulled")
    parser.add_argument("--concurrency", type=int, default=4, help="children of an extract worker")
    parser.add_argument("--apart", action="store_true", help="set inside its own network")
    options = parser.parse_args()
    if not options.apart:
        return run_in_own_network()
    result = run(Path(tempfile.mkdtemp()), options)
    runner.print_table([result])
    runner.print_figures(result.figures())
    return runner.exit_status([result])


if __name__ == "__main__":
    sys.exit(main())
