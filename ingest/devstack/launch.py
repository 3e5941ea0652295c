"""Launch a stack: check what it needs, start it, say where it is, and sum it up at its end."""

import asyncio
import os
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer

from ingest.devstack import readiness, stack_ports, state_lock
from ingest.devstack.supervise import Command, Supervisor
from ingest.process.installation import PROGRAM
from ingest.process.parent_death import tied_command
from ingestsite import configuration

# The commands of the stack. The Procfile of the project has one line, which runs them all.
PROCFILE = Path(__file__).with_name("Procfile")
BROKER, STORE, EXTRACT, NOTIFY, FLOWER = "broker", "store", "extract", "notify", "flower"
BROKER_IS_OURS = configuration.BROKER_PASSWORD is not None
PREPARE = (
    *(sys.executable, "-m", "ingest", "prepare"),
    *(["--broker-comes-later"] if BROKER_IS_OURS else []),
)
WORKERS = (EXTRACT, "save", NOTIFY)
READY_POLL_SECONDS = 0.5
NOT_READY_SECONDS = 30  # until a line says what is missing


def launch() -> int:
    """Run the stack until it stops, and return the exit status."""
    facts = {"pages": configuration.WEB_URL, "ports": stack_ports.of_stack()}
    with state_lock.locked(configuration.STATE_DIR, facts) as lock:
        print(store_line(), flush=True)
        os.environ["INGEST_STORE"] = configuration.STORE
        # The Procfile's commands are those of this Python.
        python = Path(sys.executable).parent
        os.environ["PATH"] = f"{python}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        if configuration.EMULATOR_IS_OURS:
            from ingest.devstack import emulator_install  # an import that takes its time

            emulator_install.install()
        stack_ports.check_free()
        return asyncio.run(_Launch(lock).run())


def store_line() -> str:
    """Say which store is used, why, and how to get the other."""
    other = {
        "firestore": "INGEST_STORE=sql counts in a SQL database instead",
        "sql": "INGEST_STORE=firestore gets Java and Google's Firestore emulator (110 MB) instead",
    }.get(configuration.STORE, "INGEST_STORE=sql or firestore keeps the counts")
    return f"store: {configuration.STORE}, because {configuration.STORE_REASON}. {other}."


def kept_in() -> str:
    """Say where the counts are."""
    if configuration.STORE == "sql":
        database = configuration.DATABASE.get("dbname")
        return f"the PostgreSQL database {database}" if database else str(configuration.COUNTS_FILE)
    if configuration.EMULATOR_IS_OURS:
        return str(configuration.EMULATOR_FOLDER)
    if configuration.STORE == "firestore":
        emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
        project = f"project {configuration.FIRESTORE_PROJECT}"
        return f"the emulator on {emulator}, {project}" if emulator else f"Firestore, {project}"
    return "no store"


def remember_store() -> None:
    """Note the store in the state folder, so that every later process finds the same."""
    if configuration.STORE in ("firestore", "sql") and not configuration.PRODUCTION:
        configuration.STORE_FILE.write_text(f"{configuration.STORE}\n", "utf-8")


class Output:
    """The output of all processes: one line each, with the time and the name."""

    def __init__(self, names: list[str]) -> None:
        self._colours = dict(zip(names, get_colours(), strict=False))
        self._printer = Printer(sys.stdout, width=max(map(len, names)))

    def show(self, name: str, line: str) -> None:
        """Print a line; a terminal that was closed must not stop the stack."""
        now = datetime.now()
        try:
            self._printer.write(Message("line", line, now, name, self._colours.get(name)))
        except OSError:
            self._printer.output = sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


def end_with_honcho() -> None:
    """
    End as by SIGKILL when a honcho that started us is killed; our own processes follow.

    Honcho's helper between us outlives it, so no signal of the kernel would tell us. From Python
    3.14 on, the server that forks the helper stands between them, and outlives it too.
    """
    if "HONCHO_PROCESS_NAME" in os.environ:
        honcho = _parent(os.getppid())
        while b"multiprocessing.forkserver" in Path(f"/proc/{honcho}/cmdline").read_bytes():
            honcho = _parent(honcho)
        loop = asyncio.get_running_loop()
        loop.add_reader(os.pidfd_open(honcho), os.kill, os.getpid(), signal.SIGKILL)


def _parent(pid: int) -> int:
    """Return the parent of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    return int(stat.rpartition(")")[2].split()[1])


class _Launch:
    """
    One run of the stack, in the order in which its parts need each other.

    The two that start slowly come first: the emulator, and the worker that loads the models. Its
    messages come through our broker, which waits for the database's migrations as the others do.
    What no post needs in order to be saved leaves the cores to the rest until the stack is ready.
    """

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._key_line: str | None = None  # once the stack is prepared
        # What a command may wait for.
        self._prepared, self._announced = asyncio.Event(), asyncio.Event()

    async def run(self) -> int:
        """Run the stack until it stops, and return the exit status."""
        end_with_honcho()
        lines = parse_procfile(PROCFILE.read_text("utf-8")).processes
        for name in _unused():
            del lines[name]
        output = Output([f"{name}.1" for name in lines])
        commands = [
            Command(
                f"{name}.1",
                line,
                name in WORKERS,
                output.show,
                kept_open=(self._lock,),
                after=self._start_after(name),
            )
            for name, line in lines.items()
        ]
        supervisor = Supervisor(commands, output.show, prepare=self._prepare)
        announcing = asyncio.create_task(self._announce(output))
        status = await supervisor.run()
        announcing.cancel()
        if self._key_line is not None:
            output.show("system", _summary(supervisor))
        return status

    def _start_after(self, name: str) -> asyncio.Event | None:
        """Return what a command waits for."""
        if name in (NOTIFY, FLOWER):
            return self._announced
        is_first = name == STORE or (name == EXTRACT and BROKER_IS_OURS)
        return None if is_first else self._prepared

    async def _prepare(self) -> int:
        """Check and migrate in one process of Django, and return its status."""
        preparing = await asyncio.create_subprocess_exec(
            *tied_command(signal.SIGKILL, PREPARE),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            output, _ = await preparing.communicate()
        except asyncio.CancelledError:
            preparing.kill()
            await preparing.wait()
            raise
        if not preparing.returncode:
            self._key_line = output.decode().strip()
            remember_store()
            self._prepared.set()
        return preparing.returncode or 0

    async def _announce(self, output: Output) -> None:
        """Say when the stack is ready, or what it waits for; then set `_announced`."""
        await self._prepared.wait()
        began, said = time.monotonic(), False
        while missing := await asyncio.to_thread(readiness.missing):
            if not said and time.monotonic() - began > NOT_READY_SECONDS:
                output.show("system", f"not ready yet: {missing}")
                self._announced.set()
                said = True
            await asyncio.sleep(READY_POLL_SECONDS)
        another = f"{PROGRAM} api_key create NAME makes another"
        key = self._key_line or f"API key: shown when it was made; {another}"
        output.show("system", f"ready: posts to {configuration.WEB_URL}api/posts")
        output.show("system", f"pages: {configuration.WEB_URL}")
        output.show("system", key)
        output.show("system", "Ctrl-C processes what waits, then stops")
        self._announced.set()


def _unused() -> list[str]:
    """Return the names of the commands that this stack does not need."""
    unused = {
        BROKER: not BROKER_IS_OURS,
        STORE: not configuration.EMULATOR_IS_OURS,
        FLOWER: not configuration.FLOWER_PORT,
    }
    return [name for name, is_unused in unused.items() if is_unused]


def _summary(supervisor: Supervisor) -> str:
    """Sum up the run in one line."""
    if supervisor.failed:
        end = f"stopped, because {supervisor.failed.name} cannot run here"
    elif supervisor.hurried:
        end = "stopped at once, messages that wait stay in the durable queue"
    else:
        end = supervisor.drained.removeprefix("drain: ") or "stopped"
    return f"{end}; counts kept in {kept_in()}"
