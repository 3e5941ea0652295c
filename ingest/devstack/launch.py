"""Launch a stack: check what it needs, start it, say where it is, and sum it up at its end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer

from ingest.devstack import emulator_install, readiness, stack_ports, state_lock
from ingest.devstack.supervise import Command, Supervisor
from ingest.process.installation import PROGRAM
from ingestsite import configuration

# The commands of the stack. The Procfile of the project has one line, which runs them all.
PROCFILE = Path(__file__).with_name("Procfile")
WORKERS = ("extract", "save", "notify")
FLOWER = "flower"
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
            emulator_install.install()
        stack_ports.check_free()
        key_line = prepare()
        remember_store()
        return asyncio.run(_run(lock, key_line))


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


def prepare() -> str:
    """Check and migrate in one process of Django; return the line of a new API key, or nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "ingest", "prepare"], check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout.strip()


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

    Honcho's helper between us outlives it, so no signal of the kernel would tell us.
    """
    if "HONCHO_PROCESS_NAME" in os.environ:
        helper = Path(f"/proc/{os.getppid()}/stat").read_text("utf-8")
        honcho = int(helper.rpartition(")")[2].split()[1])
        loop = asyncio.get_running_loop()
        loop.add_reader(os.pidfd_open(honcho), os.kill, os.getpid(), signal.SIGKILL)


async def _run(lock: int, key_line: str) -> int:
    end_with_honcho()
    lines = parse_procfile(PROCFILE.read_text("utf-8")).processes
    if not configuration.FLOWER_PORT:
        del lines[FLOWER]
    output = Output([f"{name}.1" for name in lines])
    # Flower only shows, so it leaves the cores to what posts need first.
    announced = asyncio.Event()
    commands = [
        Command(
            f"{name}.1",
            line,
            name in WORKERS,
            output.show,
            kept_open=(lock,),
            after=announced if name == FLOWER else None,
        )
        for name, line in lines.items()
    ]
    supervisor = Supervisor(commands, output.show)
    announcing = asyncio.create_task(_announce(output, key_line, announced))
    status = await supervisor.run()
    announcing.cancel()
    output.show("system", _summary(supervisor))
    return status


async def _announce(output: Output, key_line: str, announced: asyncio.Event) -> None:
    """Say when the stack is ready, or what it waits for; then set `announced`."""
    began, said = time.monotonic(), False
    while missing := await asyncio.to_thread(readiness.missing):
        if not said and time.monotonic() - began > NOT_READY_SECONDS:
            output.show("system", f"not ready yet: {missing}")
            announced.set()
            said = True
        await asyncio.sleep(READY_POLL_SECONDS)
    another = f"{PROGRAM} api_key create NAME makes another"
    key = key_line or f"API key: shown when it was made; {another}"
    output.show("system", f"ready: posts to {configuration.WEB_URL}api/posts")
    output.show("system", f"pages: {configuration.WEB_URL}")
    output.show("system", key)
    output.show("system", "Ctrl-C processes what waits, then stops")
    announced.set()


def _summary(supervisor: Supervisor) -> str:
    """Sum up the run in one line."""
    if supervisor.failed:
        end = f"stopped, because {supervisor.failed.name} cannot run here"
    elif supervisor.hurried:
        end = "stopped at once, messages that wait stay in the durable queue"
    else:
        end = supervisor.drained.removeprefix("drain: ") or "stopped"
    return f"{end}; counts kept in {kept_in()}"
