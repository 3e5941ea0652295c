"""Slots of bulk batches: so many at once, and those of a killed process are free again."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ingest.worker.bulk_slots import SLOTS, _free_slot, bulk_slot


@contextmanager
def held_by_a_child() -> Iterator[int]:
    """Let a child hold a slot while a block runs; yield the child's pid."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        with bulk_slot():
            os.write(ready[1], b"1")
            os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        yield child
    finally:
        os.write(done[1], b"1")
        os.waitpid(child, 0)


def test_so_many_processes_hold_a_slot_as_there_are_processors() -> None:
    with ExitStack() as children:
        for _ in range(SLOTS):
            assert _taken_in_a_child(), "a slot is free"
            children.enter_context(held_by_a_child())
        assert not _taken_in_a_child()
    assert _taken_in_a_child()


def test_a_killed_process_gives_its_slot_back() -> None:
    with ExitStack() as children:
        pids = [children.enter_context(held_by_a_child()) for _ in range(SLOTS)]
        assert not _taken_in_a_child()
        os.kill(pids[0], signal.SIGKILL)
        os.waitid(os.P_PID, pids[0], os.WEXITED | os.WNOWAIT)
        assert _taken_in_a_child()


def test_a_process_waits_until_a_slot_is_free() -> None:
    ready, got = os.pipe(), os.pipe()
    with ExitStack() as children:
        for _ in range(SLOTS):
            children.enter_context(held_by_a_child())
        child = os.fork()
        if not child:
            os.write(ready[1], b"1")
            with bulk_slot():
                os.write(got[1], b"1")
            os._exit(0)
        os.read(ready[0], 1)
        assert not select.select([got[0]], [], [], 0)[0]
    assert os.read(got[0], 1) == b"1"
    assert os.waitpid(child, 0)[1] == 0


def _taken_in_a_child() -> bool:
    """Return whether a new process gets a slot at once; locks of one process never conflict."""
    child = os.fork()
    if not child:
        os._exit(0 if _free_slot() is not None else 1)
    return os.waitpid(child, 0)[1] == 0
