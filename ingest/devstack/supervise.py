"""
Supervise the commands of the Procfile: start them again when they end, and stop them in order.

A stop drains first, then stops the workers, then the services they need. A second signal stops
everything at once. A command that cannot run on this machine stops all others without a drain.

Each command has its own session, so Ctrl-C of a terminal reaches only this process. If this process
is killed, the kernel kills the workers and sends the services SIGTERM.
"""

import asyncio
import os
import signal
import sys
import time
from asyncio import create_task, subprocess
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ingest.process.parent_death import tied_command

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

MAX_PAUSE_SECONDS = 30  # between two starts of a command that keeps ending
STABLE_SECONDS = 60  # after which a command is considered stable
MAX_FAILED_STARTS = 3  # of a command that was never stable
HURRY_SECONDS = 10  # from the second signal, or from a failure, to SIGKILL

DRAIN_COMMAND = (sys.executable, "-m", "ingest", "drain", "--by", "stop")

Show = Callable[[str, str], None]  # prints a line under the name of its process
Prepare = Callable[[], Awaitable[int]]  # returns an exit status


@dataclass
class Command:
    """One line of the Procfile, and its process."""

    name: str
    line: str
    is_worker: bool
    show: Show
    kept_open: Sequence[int] = ()  # file descriptors that the process inherits
    after: asyncio.Event | None = None  # it starts once this is set
    process: subprocess.Process | None = field(default=None, init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _ended: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def keep_running(self) -> int:
        """Run the command, again when it ends by itself; return the status of its last end."""
        try:
            if self.after:
                await self.after.wait()
            return 0 if self._stopping.is_set() else await self._keep_running()
        finally:
            self._ended.set()

    async def _keep_running(self) -> int:
        pause, failures = 1.0, 0
        while True:
            began = time.monotonic()
            status = await self._run()
            if self._stopping.is_set() or status == os.EX_CONFIG:
                return status
            is_stable = time.monotonic() - began > STABLE_SECONDS
            failures = -sys.maxsize if is_stable else failures + (status > 0)
            if failures >= MAX_FAILED_STARTS:
                return status
            pause = 1 if is_stable else min(2 * pause, MAX_PAUSE_SECONDS)
            self.show(self.name, f"restarting in {pause:.0f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return status

    async def _run(self) -> int:
        """Run the command once, show its output, and return its status."""
        death = signal.SIGKILL if self.is_worker else signal.SIGTERM
        self.process = await asyncio.create_subprocess_exec(
            *tied_command(death, ["sh", "-c", self.line]),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.kept_open,
        )
        if self._stopping.is_set():  # while it was being started, so it has done nothing
            self.kill()
        await show_lines(self.process, self.name, self.show)
        status = await self.process.wait()
        self.show(self.name, describe(self.process.pid, status))
        return status

    async def stop(self, number: signal.Signals) -> None:
        """Send the command's main process a signal, and wait until it has ended for good."""
        self._never_start_again()
        self.send(number)
        await self._ended.wait()

    def _never_start_again(self) -> None:
        self._stopping.set()
        if self.after:
            self.after.set()

    def send(self, number: signal.Signals) -> None:
        """Send the main process a signal, if it is running."""
        with suppress(ProcessLookupError):
            if self.process and self.process.returncode is None:
                self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the command with all its processes, for good."""
        self._never_start_again()
        with suppress(ProcessLookupError):
            if self.process:
                os.killpg(self.process.pid, signal.SIGKILL)


async def show_lines(process: subprocess.Process, name: str, show: Show) -> str:
    """Show each line of a process's output, and return the last one."""
    assert process.stdout
    last, rest = "", b""
    while block := await process.stdout.read(1 << 16):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            last = line.decode(errors="replace")
            show(name, last)
    return last


def describe(pid: int, status: int) -> str:
    """Describe the end of a process."""
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    return f"process {pid} ended {how}"


@dataclass
class Supervisor:
    """
    All commands of one stack, and the order in which they stop.

    Args:
        prepare: runs beside the first commands, and ends the stack if it fails.
    """

    commands: Sequence[Command]
    show: Show
    prepare: Prepare | None = None
    drain: Sequence[str] = DRAIN_COMMAND
    hurry_seconds: float = HURRY_SECONDS
    # What ended the stack: a signal, or the command that cannot run.
    stopped_by: signal.Signals | None = field(default=None, init=False)
    failed: Command | None = field(default=None, init=False)
    hurried: bool = field(default=False, init=False)
    # The last line of the drain.
    drained: str = field(default="", init=False)
    _drain: subprocess.Process | None = field(default=None, init=False)

    async def run(self) -> int:
        """Run the commands until a signal, or until one cannot run; return the exit status."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # by nohup
                loop.add_signal_handler(number, self._receive, number, stop)
        tasks = {create_task(one.keep_running()): one for one in self.commands}
        waiting = create_task(stop.wait())
        if self.prepare and (status := await self._prepare(self.prepare, waiting)):
            await self._kill_all()
            return status
        ended, _ = await asyncio.wait((*tasks, waiting), return_when=asyncio.FIRST_COMPLETED)
        status = 0
        if waiting not in ended:
            first = ended.pop()
            self.failed, status = tasks[first], first.result() or os.EX_SOFTWARE
            self.show("system", f"{self.failed.name} cannot run here, so the stack stops")
            self._hurry_later()
        elif not self.hurried:
            self._start_workers()
            await self._run_drain()
        for are_workers in (True, False):
            number = signal.SIGQUIT if self.hurried and are_workers else signal.SIGTERM
            group = [one for one in self.commands if one.is_worker == are_workers]
            await asyncio.gather(*(one.stop(number) for one in group))
        waiting.cancel()
        return 128 + self.stopped_by if self.hurried and self.stopped_by else status

    async def _prepare(self, prepare: Prepare, stop: "asyncio.Task[object]") -> int:
        """Prepare what all commands need, and return the status; a signal interrupts it."""
        preparing = asyncio.ensure_future(prepare())
        await asyncio.wait((preparing, stop), return_when=asyncio.FIRST_COMPLETED)
        if preparing.done():
            return preparing.result()
        preparing.cancel()
        with suppress(asyncio.CancelledError):
            await preparing
        return 128 + (self.stopped_by or 0)

    async def _kill_all(self) -> None:
        """Kill all commands: before the stack is prepared, none of them has a message."""
        for one in self.commands:
            one.kill()
        await asyncio.gather(*(one.stop(signal.SIGKILL) for one in self.commands))

    def _start_workers(self) -> None:
        """Start the workers that have not started yet, since a drain may need them."""
        for one in self.commands:
            if one.is_worker and one.after:
                one.after.set()

    def _receive(self, number: signal.Signals, stop: asyncio.Event) -> None:
        """Stop at the first signal, and hurry at every further one."""
        self.show("system", f"{number.name} received")
        stop.set()
        if self.stopped_by or self.failed:
            self.hurried = True
            self._end_drain()
            for one in self.commands:
                if one.is_worker:
                    one.send(signal.SIGQUIT)
            self._hurry_later()
        self.stopped_by = number

    def _hurry_later(self) -> None:
        for one in self.commands:
            asyncio.get_running_loop().call_later(self.hurry_seconds, one.kill)

    def _end_drain(self) -> None:
        if self._drain and self._drain.returncode is None:
            self.show("system", "second signal: waiting messages stay in the durable queue")
            with suppress(ProcessLookupError):
                os.killpg(self._drain.pid, signal.SIGKILL)  # it changes no message

    async def _run_drain(self) -> None:
        self._drain = await asyncio.create_subprocess_exec(
            *tied_command(signal.SIGTERM, self.drain),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self.hurried:  # while the drain was being started
            self._end_drain()
        self.drained = await show_lines(self._drain, "system", self.show)
        await self._drain.wait()
