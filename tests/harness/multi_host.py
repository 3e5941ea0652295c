"""
Many machines: one is cut off and comes back, one loses its power, and every count is exact.

    python -m tests.harness.multi_host [--posts N] [--outage SECONDS] [--concurrency N]

Six machines are network namespaces on a bridge of their own: web, queue (RabbitMQ), extract-1,
extract-2, save and data (PostgreSQL and Firestore's emulator). Posts are sent to the web machine.
Meanwhile the cable of extract-1 is pulled and put back, and extract-2 is killed with its cable
pulled, so that nobody is told. Afterwards everything is compared with what the model alone says
of the same texts. Prints a line for each event, a table and a line of JSON, and exits non-zero on
any difference. Needs root; whatever ends it, machines, links and processes end with it.
"""

from tests import environment  # noqa: F401  # isort: skip  (it decides the settings)

import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import requests
from rich.console import Console
from rich.table import Table

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack import firestore_emulator
from ingest.devstack.stack import Stack, wait_until
from tests.support import postgresql, rabbitmq
from tests.support.network import NET, Machine, Network, run_apart, why_not
from tests.support.stores import firestore_of
from tests.support.verdict import judge

LIST = 20  # posts a request
LONGEST = 1500  # seconds for anything, however slow the machine
PROJECT = "demo-hosts"
WEB_PORT, STORE_PORT = 8400, 8402
LOGS = Path("var/hosts")

WEB = ("gunicorn", "--config", "python:ingestsite.webserver", "ingestsite.wsgi")


@dataclass(frozen=True)
class Result:
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
    """Six machines, and what runs on each."""

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
        """Run what is not ours: RabbitMQ, PostgreSQL and the store."""
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
                # Every machine has the same secrets; nothing else do they share.
                "INGEST_SECRET_KEY": secrets.token_urlsafe(48),
                "INGEST_FLOWER_PASSWORD": secrets.token_urlsafe(24),
                "INGEST_WEB_HOST": self["web"].address,
                "INGEST_WEB_PORT": str(WEB_PORT),
                "INGEST_ALLOWED_HOSTS": self["web"].address,
                "OPENBLAS_NUM_THREADS": "1",
                "INGEST_LOG_LEVEL": "DEBUG",  # which tells when a batch begins
            }
            data.start(_store_command(data.address), os.environ)
            yield

    def start(self, concurrency: int) -> ApiClient:
        """Start the processes of ours, and return a client of the web machine."""
        web = self["web"]
        self.manage("migrate", "--verbosity", "0")
        key = self.manage("api_key", "create", "hosts").split()[-1]
        web.start(WEB, self._environment(web))
        for name, queue, size in (
            ("extract-1", "extract", concurrency),
            ("extract-2", "extract", concurrency),
            ("save", "save", 2),
        ):
            self[name].start(_worker(queue, size), self._environment(self[name]))
        client = ApiClient(self.url, key)
        wait_until(lambda: _is_empty(client), seconds=LONGEST, what="the web machine answers")
        for name in ("extract-1", "extract-2", "save"):
            wait_until(lambda: " ready." in self.log(name), seconds=LONGEST, what=f"{name} works")  # noqa: B023
        return client

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py on the web machine."""
        command = (sys.executable, "manage.py", *arguments)
        return self["web"].run(command, self._environment(self["web"]))

    def log(self, name: str) -> str:
        """Return what the processes of a machine have said so far."""
        return self[name].log.read_text(errors="replace")

    def batches(self, name: str) -> int:
        """Return how many batches a machine has begun."""
        return len(re.findall(r"\bgathered\b", self.log(name)))

    def redelivered(self) -> int:
        """Return how many messages the workers saw again, by their own logs."""
        logs = map(self.log, ("extract-1", "extract-2", "save"))
        return sum(
            int(n) for log in logs for n in re.findall(r"delivered again .* again=(\d+)", log)
        )

    def workers(self, queue: str) -> int:
        """Return how many workers take from a queue, as far as RabbitMQ knows."""
        (consumers,) = re.findall(rf"^{queue}\t\d+\t\d+\t(\d+)$", self._queues(), re.M)
        return int(consumers)

    def show(self) -> None:
        """Print each machine with its address, its processes and the memory that is theirs."""
        table = Table("machine", "address", "processes", "MB")
        for machine in self.machines.values():
            pids = machine.pids()
            megabytes = sum(psutil.Process(pid).memory_full_info().pss for pid in pids) // 10**6
            table.add_row(machine.name, machine.address, str(len(pids)), str(megabytes))
        Console().print(table)

    def keep_logs(self) -> None:
        """Leave the logs where they can be read after the machines have gone."""
        LOGS.mkdir(parents=True, exist_ok=True)
        for machine in self.machines.values():
            if machine.log.exists():
                shutil.copy(machine.log, LOGS)
        print(f"the logs of the machines are kept in {LOGS}", flush=True)

    def _environment(self, machine: Machine) -> dict[str, str]:
        folder = self.folder / machine.name
        folder.mkdir(exist_ok=True)
        return Stack(folder, self._settings).environment


def _store_command(host: str) -> list[str]:
    java, jar = shutil.which("java"), firestore_emulator.find_jar()
    assert java, firestore_emulator.NO_JAVA
    assert jar, firestore_emulator.NO_JAR
    command = firestore_emulator.command(jar, java, host=host)
    return [*command[:-1], str(STORE_PORT)]


def _worker(queue: str, concurrency: int) -> tuple[str, ...]:
    size = ("--concurrency", str(concurrency))
    return ("celery", "-A", "ingestsite", "worker", "-Q", queue, "-n", f"{queue}@%h", *size)


class Sender:
    """A client that sends posts until each was accepted."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client
        self.sent: dict[str, tuple[str, str]] = {}  # publication and text, by post id

    def start(self, posts: Sequence[dict[str, str]]) -> threading.Thread:
        """Send posts from a thread of its own."""
        thread = threading.Thread(target=self._send, args=(posts,), daemon=True)
        thread.start()
        return thread

    def _send(self, posts: Sequence[dict[str, str]]) -> None:
        for start in range(0, len(posts), LIST):
            batch = posts[start : start + LIST]
            while not self._is_accepted(batch):
                time.sleep(0.2)  # a client's own pause; nothing tells it when to come again

    def _is_accepted(self, posts: Sequence[dict[str, str]]) -> bool:
        try:
            answers = self.client.submit(posts)
        except (ApiError, requests.RequestException):
            return False
        for post, answer in zip(posts, answers, strict=True):
            assert answer["status"] == "accepted", answer
            self.sent[answer["id"]] = (post["publication"], post["content"])
        return True


def posts_of(count: int) -> list[dict[str, str]]:
    """Return the samples in turn, each with an id of its own."""
    texts = list(samples.read())
    return [{**texts[n % len(texts)], "id": str(n)} for n in range(count)]


def _is_empty(client: ApiClient) -> bool:
    try:
        return bool(client.status()["empty"])
    except (ApiError, requests.RequestException):
        return False


class Say:
    """Lines with the seconds since the start, and what was accepted by then."""

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
    """Send all posts, and do to the machines what happens to machines; return the seconds cut."""
    say = Say(sender)
    third = -(-len(posts) // 3)
    waits = _Waits(site)
    threads = [sender.start(posts[:third])]
    waits.for_batch("extract-1")
    say(f"the cable of extract-1 is pulled for {outage:g} s")
    began = time.monotonic()
    site["extract-1"].cut()
    threads.append(sender.start(posts[third : 2 * third]))
    time.sleep(outage)  # the outage itself: its length is the point
    site["extract-1"].mend()
    seconds_cut = time.monotonic() - began
    say("the cable of extract-1 is back")
    wait_until(
        lambda: site.workers("extract") == 2, seconds=LONGEST, what="extract-1 takes messages"
    )
    threads.append(sender.start(posts[2 * third :]))
    waits.for_batch("extract-1")
    say("extract-1 works again")
    waits.for_batch("extract-2")
    site["extract-2"].lose_power()
    say("extract-2 has lost its power, and has no process any more")
    for thread in threads:
        thread.join()
    say("all is accepted")
    wait_until(lambda: _is_empty(sender.client), seconds=LONGEST, what="all is through")
    say("all is through")
    return round(seconds_cut, 1)


class _Waits:
    def __init__(self, site: Site) -> None:
        self._site = site

    def for_batch(self, name: str) -> None:
        """Wait until a machine begins one more batch: from now on it has some in hand."""
        before = self._site.batches(name)
        wait_until(
            lambda: self._site.batches(name) > before,
            seconds=LONGEST,
            what=f"{name} begins a batch",
        )


def run(folder: Path, options: Namespace) -> Result:
    """Do the run, and judge it."""
    began = time.monotonic()
    with Network(folder) as network:
        site = Site(network, folder)
        with site.services(), _logs_kept(site) as keep_logs:
            sender = Sender(site.start(options.concurrency))
            seconds_cut = disturb(site, sender, posts_of(options.posts), options.outage)
            site.show()
            os.environ["FIRESTORE_EMULATOR_HOST"] = site.store
            letters = site.manage("dead_letters", "list")
            dead = set(re.findall(r"^([0-9a-f]{32}) ", letters, re.M))
            verdict = judge(sender.sent, dead, firestore_of(PROJECT))
            verdict.pop("not_poison")  # there was none
            result = Result(
                machines=len(site.machines),
                accepted=len(sender.sent),
                redelivered=site.redelivered(),
                seconds_cut=seconds_cut,
                seconds=round(time.monotonic() - began),
                **verdict,
            )
            if not result.right:
                keep_logs()
            return result


@contextmanager
def _logs_kept(site: Site) -> Iterator[Callable[[], None]]:
    """Keep the logs of a run that ends early, or is told to."""
    try:
        yield site.keep_logs
    except BaseException:
        site.keep_logs()
        raise


def leave() -> int:
    """Do the run in a network apart, or say why there can be none."""
    if why := why_not():
        print(f"Several machines cannot be shown here: {why}.", file=sys.stderr)
        return 1
    rabbitmq.install()
    postgresql.install()
    with tempfile.TemporaryDirectory(prefix="ingest-hosts-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as somebody else
        return run_apart(
            (sys.executable, "-m", "tests.harness.multi_host", *sys.argv[1:], "--apart"), folder
        )


def main() -> int:
    """Do what the command line asks for."""
    parser = ArgumentParser(
        prog="python -m tests.harness.multi_host", description="Many machines, one count."
    )
    parser.add_argument("--posts", type=int, default=5000)
    parser.add_argument("--outage", type=float, default=30, help="seconds that a cable is pulled")
    parser.add_argument("--concurrency", type=int, default=4, help="children of an extract worker")
    parser.add_argument("--apart", action="store_true", help="when it runs in a network apart")
    options = parser.parse_args()
    if not options.apart:
        return leave()
    result = run(Path(tempfile.mkdtemp()), options)
    table = Table(*asdict(result))
    table.add_row(*(str(value) for value in asdict(result).values()))
    Console(width=160).print(table)
    print(json.dumps(asdict(result)))
    return 0 if result.right else 1


if __name__ == "__main__":
    sys.exit(main())
