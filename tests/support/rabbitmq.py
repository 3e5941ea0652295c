"""A real RabbitMQ of the tests' own: a private node on loopback, installed if it is missing."""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import psutil

from ingest.devstack.ports import LOOPBACK, free_ports, listens
from ingest.devstack.stack import WaitTimeout, wait_until
from ingestsite.configuration import ROOT
from tests.support import apt

# Debian's wrapper allows only its own user, but the scripts behind it allow any.
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
# The configuration of a deployment on several machines.
CONFIGURATION = ROOT / "deploy" / "rabbitmq" / "advanced.config"


def install() -> None:
    """Install RabbitMQ where it is missing."""
    apt.install("rabbitmq-server")


# RabbitMQ 4 and its Erlang are in this release of Debian, which need not be that of the machine.
RELEASE = "forky"
ROOT_FOLDER = Path(tempfile.gettempdir()) / f"ingest-rabbitmq-{RELEASE}"

# Runs a command in that release, with the node's folder at the same path, in mounts of its own.
IN_RELEASE = """
root=$1 folder=$2; shift 2
mkdir -p "$root$folder"
for path in /proc /dev "$folder"; do mount --bind "$path" "$root$path"; done
exec chroot "$root" "$@"
"""


def install_release() -> None:
    """Unpack RabbitMQ 4 into a folder of its own, once; it needs root, and 400 MB."""
    apt.unpack_release(RELEASE, ROOT_FOLDER, ("erlang-base", "rabbitmq-server"))


@contextmanager
def running(folder: Path, *, newest: bool = False, **options: int) -> Iterator["RabbitMQ"]:
    """
    Run a node while a block runs; install RabbitMQ first where it is missing.

    Args:
        newest: whether it is RabbitMQ 4, and not the one of this machine's Debian.
        options: RabbitMQ's own settings, by their Erlang names.
    """
    inside: Sequence[str] = ()
    if newest:
        install_release()
        inside = (
            "unshare",
            "--mount",
            "sh",
            "-euc",
            IN_RELEASE,
            "sh",
            str(ROOT_FOLDER),
            str(folder),
        )
    else:
        install()
    node = RabbitMQ(folder, inside=inside, options=options)
    node.start()
    try:
        yield node
    finally:
        node.stop()


class RabbitMQ:
    """
    One node with its state in a folder, which tests can kill and restart.

    Args:
        folder: an empty one.
        host: the address it listens on.
        inside: the words before a command that runs it on the machine of that address.
        options: RabbitMQ's own settings, by their Erlang names.
    """

    def __init__(
        self,
        folder: Path,
        host: str = LOOPBACK,
        inside: Sequence[str] = (),
        options: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._options = options
        shutil.copy(CONFIGURATION, folder)
        self._folder, self._host, self._inside = folder, host, inside
        self._port, self._epmd, self._distribution = free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None

    def new_host(self) -> str:
        """Make an empty virtual host, and return its URL."""
        name = uuid.uuid4().hex
        # What `add_vhost` and `set_permissions` do, in one start of the program.
        host, user, every, by = (f'<<"{word}">>' for word in (name, "guest", ".*", "tests"))
        self._control(
            "eval",
            f"ok = rabbit_vhost:add({host}, {by}), ok = rabbit_auth_backend_internal:"
            f"set_permissions({user}, {host}, {every}, {every}, {every}, {by}).",
        )
        return f"amqp://guest:guest@{self._host}:{self._port}/{name}"

    def write_queues_to_disk(self) -> None:
        """
        Write the list of quorum queues to disk.

        RabbitMQ 3.10 does so minutes after it made a queue. A node that is killed before then finds
        the queue's messages but not the queue. A node in production has run longer than that.
        """
        self._control("eval", "[dets:sync(T) || T <- dets:all()].")

    def freeze(self, host: str, queue: str) -> None:
        """Suspend the process of a quorum queue, so that it does not answer."""
        self._control("eval", f"sys:suspend('{host}_{queue}').")

    def thaw(self, host: str, queue: str) -> None:
        """Resume the process of a quorum queue."""
        self._control("eval", f"sys:resume('{host}_{queue}').")

    def exhaust_memory(self) -> None:
        """Let the node be short of memory, so that it takes no message."""
        self._control("set_vm_memory_high_watermark", "absolute", "1")

    def free_memory(self) -> None:
        """Let the node have memory again."""
        self._control("set_vm_memory_high_watermark", "0.4")

    def exhaust_disk(self) -> None:
        """Let the node be short of disk, so that it takes no message."""
        self._control("set_disk_free_limit", "1000000GB")

    def free_disk(self) -> None:
        """Let the node have disk again."""
        self._control("set_disk_free_limit", "50MB")

    def queues(self) -> str:
        """Return what each virtual host's queues hold, ready and unacknowledged."""
        hosts = self._output("list_vhosts", "name").split()
        columns = ("name", "messages_ready", "messages_unacknowledged", "consumers")
        return "".join(self._output("list_queues", "--vhost", h, *columns) for h in hosts)

    def start(self) -> None:
        """Start the node, and wait until it answers."""
        environment = self._environment()
        with (self._folder / "rabbitmq.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*self._inside, str(PROGRAMS / "rabbitmq-server")],
                env=environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        wait_until(self._answers, seconds=90, what="RabbitMQ answers")

    def kill(self) -> None:
        """Kill the node's processes."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the node's processes."""
        assert self._process
        os.killpg(self._process.pid, number)

    def restart(self) -> None:
        """Start the node again after a kill."""
        assert self._process
        self._process.wait()
        self.start()

    def memory_mb(self) -> int:
        """Return the proportional set size of the node's processes, in MB."""
        assert self._process
        node = psutil.Process(self._process.pid)
        sizes = (one.memory_full_info().pss for one in [node, *node.children(recursive=True)])
        return sum(sizes) >> 20

    def stop(self) -> None:
        """Stop the node and the daemon that registers its port."""
        assert self._process
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=60)
        subprocess.run(
            [*self._inside, "epmd", "-port", str(self._epmd), "-kill"],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _control(self, *arguments: str) -> None:
        self._output(*arguments)

    def _output(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._inside, str(PROGRAMS / "rabbitmqctl"), "--quiet", *arguments],
            env=self._environment(),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def _answers(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise WaitTimeout(f"RabbitMQ has ended: {(self._folder / 'rabbitmq.out').read_text()}")
        # The program that asks takes a second of the processor, so it comes when the port is open.
        if self._host == LOOPBACK and not listens(self._port):
            return False
        ping = subprocess.run(
            [
                *self._inside,
                str(PROGRAMS / "rabbitmq-diagnostics"),
                "--quiet",
                "check_running",
            ],
            env=self._environment(),
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return ping.returncode == 0

    def _environment(self) -> dict[str, str]:
        home = str(self._folder)
        return {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"ingest{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self._host,
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{home}/rabbitmq.pid",
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/{CONFIGURATION.name}",
            # `guest` may log in from any address, because only the tests reach this node.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} -rabbit loopback_users [] "
                + " ".join(f"-rabbit {name} {value}" for name, value in self._options.items())
            ),
        }
