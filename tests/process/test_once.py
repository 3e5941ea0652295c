"""What a process has once, whichever thread asks first."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest

from ingest.process.once import once

THREADS = 2


def test_two_first_callers_get_the_same_thing() -> None:
    inside = Barrier(THREADS)

    @once
    def client() -> object:
        with suppress(BrokenBarrierError):  # nobody else comes in
            inside.wait(timeout=0.5)
        return object()

    with ThreadPoolExecutor(THREADS) as pool:
        first, second = pool.map(lambda _: client(), range(THREADS))
    assert first is second is client()


def test_each_argument_has_its_own_thing_until_it_is_forgotten() -> None:
    opened: list[str] = []

    @once
    def store(name: str) -> str:
        opened.append(name)
        return name

    assert [store("sql"), store("null"), store("sql")] == ["sql", "null", "sql"]
    store.forget()
    store("sql")
    assert opened == ["sql", "null", "sql"]


def test_what_cannot_be_made_is_tried_again() -> None:
    tries = iter(["away", "here"])

    @once
    def client() -> str:
        if (found := next(tries)) == "away":
            raise ValueError(found)
        return found

    with pytest.raises(ValueError, match="away"):
        client()
    assert client() == "here"
