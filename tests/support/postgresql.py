"""A real PostgreSQL of the tests' own: one server on a private address, installed if missing."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from ingest.devstack.ports import free_ports
from ingest.devstack.stack import wait_until
from tests.support import apt

# Debian has a folder for each version's programs, and tests use the newest.
PROGRAMS = Path("/usr/lib/postgresql")
USER = "postgres"  # the server refuses to run as root
PASSWORD = uuid.uuid4().hex


def install() -> None:
    """Install PostgreSQL where it is missing."""
    apt.install("postgres", package="postgresql")


@contextmanager
def running(*, fsync: bool = False) -> Iterator["PostgreSQL"]:
    """Run a server while a block runs; a benchmark needs one that flushes to the disk."""
    install()
    server = PostgreSQL(fsync=fsync)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class PostgreSQL:
    """
    One server with its state in a folder of its own.

    Args:
        host: the address it listens on.
        net: the addresses that may log in.
        inside: the words before a command that runs it on the machine of that address.
        fsync: whether a commit is flushed to the disk; no test loses power.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        net: str = "127.0.0.1/32",
        inside: Sequence[str] = (),
        *,
        fsync: bool = False,
    ) -> None:
        self._fsync = "on" if fsync else "off"
        self._host, self._net, self._inside = host, net, inside
        (self.port,) = free_ports(1)
        self._folder = Path(tempfile.mkdtemp(prefix="ingest-postgresql-"))
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://{USER}:{PASSWORD}@{self._host}:{self.port}/{name}"

    def new_database(self) -> str:
        """Make an empty database, and return its URL."""
        name = f"d{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def start(self) -> None:
        """Start the server, whose files are made at the first start, and wait for its answer."""
        data = self._folder / "data"
        if not data.exists():
            self._make(data)
        settings = {
            "listen_addresses": self._host,
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "fsync": self._fsync,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._inside, *self._as_user("postgres", "-D", str(data), *options)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, seconds=60, what="PostgreSQL answers")

    def stop(self) -> None:
        """Stop the server, even with clients connected, and delete its files."""
        self.kill(signal.SIGINT)
        shutil.rmtree(self._folder)

    def kill(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """End the server, by default without a word to its clients."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(timeout=60)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of the server's processes while a block runs; its kernel goes on."""
        assert self._process
        main = psutil.Process(self._process.pid)
        main.suspend()  # first, so that it starts no other
        processes = [main, *main.children(recursive=True)]
        try:
            for process in processes:
                process.suspend()
            yield
        finally:
            for process in reversed(processes):
                process.resume()

    def connections(self, name: str) -> int:
        """Return how many clients are connected to a database."""
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute(count, [name]).fetchone()
        return int(row[0]) if row else 0

    def _make(self, data: Path) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(self._folder, USER)
            shutil.chown(password, USER)
        make = ("--pgdata", str(data), "--username", USER, "--pwfile", str(password))
        words = ("--auth", "scram-sha-256", "--no-sync", "--locale", "C.UTF-8")
        subprocess.run(
            self._as_user("initdb", *make, *words), check=True, stdout=subprocess.DEVNULL
        )
        with (data / "pg_hba.conf").open("a") as access:
            access.write(f"host all all {self._net} scram-sha-256\n")

    def _answers(self) -> bool:
        assert self._process
        log = (self._folder / "log").read_text
        assert self._process.poll() is None, f"PostgreSQL has ended: {log()}"
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            return True
        return False

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        """Return a program's command, run without root and ended with this process."""
        newest = max(PROGRAMS.iterdir(), key=lambda folder: float(folder.name))
        own = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            group = pwd.getpwnam(USER).pw_gid
            own += [f"--reuid={USER}", f"--regid={group}", "--clear-groups"]
        return [*own, str(newest / "bin" / program), *arguments]
