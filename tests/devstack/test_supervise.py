"""A supervisor starts, restarts and stops the commands of the Procfile."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ingest.devstack.stack import wait_until
from tests.support.processes import living

# Each command is its name, whether it is a worker, and a line of shell.
SUPERVISE = """
import asyncio, json, signal, sys
from ingest.devstack.supervise import Command, Supervisor
def show(name, line):
    print(name, line, flush=True)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
never = asyncio.Event()
async def prepare():
    return await (await asyncio.create_subprocess_shell(f"exec {sys.argv[3]}")).wait()
commands = [Command(*one, show) for one in json.loads(sys.argv[1])]
commands.append(Command("late", "echo late has started", False, show, after=never))
options = dict(drain=("sh", "-c", sys.argv[2]), hurry_seconds=1, prepare=prepare)
sys.exit(asyncio.run(Supervisor(commands, show, **options).run()))
"""
WAIT = "signal.pause()"


class Supervised:
    """Supervised commands, each of which notes its pid and the signals it gets in a file."""

    def __init__(
        self,
        folder: Path,
        service: str,
        worker: str = "",
        drain: str = "echo drained",
        prepare: str = "true",
    ) -> None:
        self._notes = folder / "notes"
        self._notes.touch()
        self.output = folder / "output"
        scripts = {"service": service, "worker": worker}
        commands = [
            [name, self._line(folder, name, then), name == "worker"]
            for name, then in scripts.items()
            if then
        ]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISE, json.dumps(commands), drain, prepare],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _line(self, folder: Path, name: str, then: str) -> str:
        script = folder / f"{name}.py"
        script.write_text(
            f"""
import os, signal, sys, time
def note(*words):
    with open({str(self._notes)!r}, "a") as notes:
        print({name!r}, *words, file=notes)
note(os.getpid())
{then}
"""
        )
        return f"exec {shlex.join([sys.executable, str(script)])}"

    def end(self) -> None:
        """Kill the supervisor, and what a test that failed may have left."""
        self.process.kill()
        self.process.wait()
        for pid in filter(str.isdecimal, (*self.notes(), *self.notes("worker"))):
            with suppress(psutil.NoSuchProcess):
                psutil.Process(int(pid)).kill()

    def notes(self, name: str = "service") -> list[str]:
        """The notes of one command."""
        lines = (line.split() for line in self._notes.read_text().splitlines())
        return [word for command, word in lines if command == name]

    @property
    def order(self) -> list[str]:
        """The commands in the order of their last notes."""
        return [line.split()[0] for line in self._notes.read_text().splitlines()]

    def await_start(self, number: int, name: str = "service") -> psutil.Process:
        """Wait for a start of a command, and return its process."""
        wait_until(lambda: len(self.notes(name)) >= number, seconds=30, what=f"start {number}")
        return psutil.Process(int(self.notes(name)[-1]))


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Return a function that starts commands and their supervisor, and end them all."""
    started: list[Supervised] = []

    def start(*scripts: str) -> Supervised:
        started.append(Supervised(tmp_path, *scripts))
        return started[-1]

    yield start
    for supervised in started:
        supervised.end()


@pytest.fixture
def service(supervise: Supervise) -> Supervised:
    """Return a supervised command that waits for a signal."""
    return supervise(WAIT)


def test_a_command_that_dies_is_restarted(service: Supervised) -> None:
    service.await_start(1).kill()
    service.await_start(2).kill()
    assert service.await_start(3).is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_drains_and_stops_the_command_and_then_its_supervisor(
    service: Supervised, number: signal.Signals
) -> None:
    command = service.await_start(1)
    service.process.send_signal(number)
    assert service.process.wait(timeout=30) == 0
    assert not command.is_running()
    assert len(service.notes()) == 1
    assert "system drained" in service.output.read_text()
    assert "late has started" not in service.output.read_text()


def test_a_command_has_another_process_group_than_its_supervisor(service: Supervised) -> None:
    command = service.await_start(1)
    assert os.getpgid(command.pid) != os.getpgid(service.process.pid)


def test_a_command_ends_when_its_supervisor_is_killed(service: Supervised) -> None:
    command = service.await_start(1)
    service.process.kill()
    command.wait(timeout=30)


def test_a_command_that_cannot_run_here_is_not_restarted(supervise: Supervise) -> None:
    service = supervise("sys.exit(os.EX_CONFIG)")
    assert service.process.wait(timeout=30) == os.EX_CONFIG
    assert len(service.notes()) == 1


def test_a_command_that_fails_at_each_start_ends_all_others_without_a_drain(
    supervise: Supervise,
) -> None:
    both = supervise(WAIT, "sys.exit(5)")
    service = both.await_start(1)
    assert both.process.wait(timeout=60) == 5
    assert len(both.notes("worker")) == 3
    assert not service.is_running()
    assert "worker cannot run here" in both.output.read_text()
    assert "drained" not in both.output.read_text()


def test_the_services_stop_after_the_last_worker(supervise: Supervise) -> None:
    note_end = "signal.sigwait([signal.SIGTERM]); time.sleep(0.5); note('end')"
    block = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); "
    both = supervise(block + note_end, block + note_end)
    both.await_start(1)
    both.await_start(1, "worker")
    both.process.terminate()
    assert both.process.wait(timeout=30) == 0
    assert both.order[-2:] == ["worker", "service"]


DEAF = "for n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: signal.pause()"


@pytest.mark.parametrize("drain", ["sleep 60", "true"])
def test_a_second_signal_ends_even_a_stop_that_hangs(supervise: Supervise, drain: str) -> None:
    both = supervise(DEAF, DEAF, drain)
    running = [both.await_start(1), both.await_start(1, "worker")]
    both.process.send_signal(signal.SIGINT)
    said = "system SIGINT received\n"
    wait_until(lambda: said in both.output.read_text(), seconds=30, what="the first is received")
    both.process.send_signal(signal.SIGINT)
    assert both.process.wait(timeout=30) == 128 + signal.SIGINT
    assert not living(running)


def test_all_commands_end_when_their_supervisor_is_killed(supervise: Supervise) -> None:
    both = supervise(WAIT, DEAF)
    running = [both.await_start(1), both.await_start(1, "worker")]
    both.process.kill()
    both.process.wait()
    assert psutil.wait_procs(running, timeout=30)[1] == []


def test_a_failed_preparation_ends_what_has_started(supervise: Supervise, tmp_path: Path) -> None:
    started = tmp_path / "started"
    wait = f"sh -c 'until [ -e {started} ]; do sleep 0.05; done; exit 78'"
    supervised = supervise(WAIT, "", "echo drained", wait)
    service = supervised.await_start(1)
    started.touch()
    assert supervised.process.wait(timeout=30) == os.EX_CONFIG
    assert not service.is_running()
    assert "drained" not in supervised.output.read_text()


def test_a_signal_ends_the_preparation(supervise: Supervise) -> None:
    supervised = supervise(WAIT, "", "echo drained", "sleep 600")
    service = supervised.await_start(1)
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.process.wait(timeout=30) == 128 + signal.SIGINT
    assert not service.is_running()
    assert "drained" not in supervised.output.read_text()
