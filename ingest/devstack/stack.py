"""A separate stack on free ports and in its own folder, for the demo and the tests."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from ingest.client import ApiClient
from ingest.devstack import state_lock
from ingest.devstack.ports import free_ports, listens
from ingest.process.parent_death import tied_command
from ingestsite import configuration
from ingestsite.configuration import ROOT

RUN = (sys.executable, "-m", "ingest.devstack.run")
POLL_SECONDS = 0.05  # between two looks at a condition


class WaitTimeout(Exception):
    """A condition did not hold in time."""


def wait_until(
    condition: Callable[[], bool], *, seconds: float, what: str, every: float = POLL_SECONDS
) -> None:
    """
    Wait until a condition holds; raise WaitTimeout with its name after `seconds`.

    Args:
        every: the seconds between two looks at the condition.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise WaitTimeout(f"{what}: not within {seconds:g} s")
        time.sleep(every)


# A stack inherits these settings. The others describe the stack of the user who starts it.
INHERITED = frozenset(
    (
        "INGEST_EMULATOR_JAR",
        "INGEST_EMULATOR_URL",
        "INGEST_STORE",
        "INGEST_MODEL",
        "INGEST_LABELS",
        "INGEST_EXTRACT_CONCURRENCY",
    )
)


# The options of a key that may do everything.
EVERY_SCOPE = ("--scope", "submit", "--scope", "read", "--scope", "operate")
# Both commands in one process, since starting it takes longer than either.
PREPARE = f"""
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("api_key", "create", "stack", *{EVERY_SCOPE})
"""


def _is_inherited(name: str) -> bool:
    return name in INHERITED or not name.startswith(("INGEST_", "FIRESTORE_", "GOOGLE_", "OTEL_"))


class Stack:
    """
    What `make run` starts, separate from every other stack on this machine.

    Args:
        folder: an empty folder for the stack's state and log.
        settings: more environment variables.
        flower: whether Flower runs too; most tests do not look at it.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, *, flower: bool = False
    ) -> None:
        web, broker, store, flower_port = free_ports(4)
        self.folder = folder
        self.log = folder / "stack.log"
        self.log.touch()
        host = configuration.host_in_url((settings or {}).get("INGEST_WEB_HOST", "127.0.0.1"))
        self.url = f"http://{host}:{web}"
        self.flower_url = f"http://127.0.0.1:{flower_port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if _is_inherited(name)},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "INGEST_STATE_DIR": str(folder),
            "INGEST_WEB_PORT": str(web),
            "INGEST_BROKER_PORT": str(broker),
            "INGEST_FIRESTORE_PORT": str(store),
            "INGEST_FLOWER_PORT": str(flower_port if flower else 0),
            # Its folder is deleted after it.
            "INGEST_EMULATOR_EXPORT_SECONDS": "0",
            **(settings or {}),
        }
        self._runner: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        """Run a command of `ingest` in the stack's environment, and return its output."""
        command = [sys.executable, "-m", "ingest", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def prepare(self) -> ApiClient:
        """Create the database and an API key, and return a client with that key."""
        key = self.manage("shell", "--no-imports", "-c", PREPARE).split()[-1]
        return ApiClient(self.url, key)

    def start(self) -> None:
        """Do what `make run` does, and wait until the API answers and every server listens."""
        self.launch()
        wait_until(self._answers, seconds=60, what="the stack answers")

    def launch(self) -> None:
        """Do what `make run` does, and wait for nothing."""
        with self.log.open("ab") as log:
            self._runner = subprocess.Popen(
                # A .env file is for the user's own stack, not for this one.
                tied_command(signal.SIGINT, [*RUN, "--env", os.devnull]),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C of a terminal reaches us only; `stop` or our death stops the stack.
                start_new_session=True,
            )

    def _answers(self) -> bool:
        assert self._runner
        if self._runner.poll() is not None:
            raise WaitTimeout(f"The stack has stopped:\n{self.last_words()}")
        facts = state_lock.read(self.folder)
        if facts.get("pid") != self._runner.pid:
            return False  # a killed stack that has not ended yet answers too
        try:
            web = requests.get(f"{self.url}/livez", timeout=5).ok
        except requests.RequestException:
            return False
        ports: dict[str, int] = facts["ports"]
        return web and all(
            listens(ports[name]) for name in ("BROKER", "FIRESTORE", "FLOWER") if name in ports
        )

    def stop(self, *, by: signal.Signals = signal.SIGINT) -> int:
        """Stop the stack as Ctrl-C does, and return its exit status; 0 if it never started."""
        if self._runner is None:
            return 0
        if self._runner.poll() is None:
            self._runner.send_signal(by)
        return self._runner.wait(timeout=180)

    @property
    def pid(self) -> int:
        """The process that a terminal or systemd signals."""
        assert self._runner
        return self._runner.pid

    def wait(self, *, seconds: float) -> int:
        """Wait for the end of a stopping stack, and return its exit status."""
        assert self._runner
        return self._runner.wait(timeout=seconds)

    def said(self, beginning: str) -> str:
        """Return the last line of the log that begins so, without its time and name."""
        lines = (line.split(" | ", 1)[-1] for line in self.log.read_text().splitlines())
        return [line for line in lines if line.startswith(beginning)][-1]

    def last_words(self) -> str:
        """Return the last log lines of the process that stopped first."""
        log = self.log.read_text(errors="replace")
        first = re.search(r"\| (\w+\.1) cannot run", log)
        lines = [line for line in log.splitlines() if first is None or first[1] in line]
        return "\n".join(lines[-10:])
