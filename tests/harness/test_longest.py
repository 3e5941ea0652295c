"""The order of the tests loses none, and no process begins with the short ones."""

from types import SimpleNamespace
from typing import Any

import pytest

from ingestsite.configuration import ROOT
from tests.support.longest import LONGEST, deal


def items(*names: str) -> Any:
    return [SimpleNamespace(nodeid=name) for name in names]


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_every_share_begins_with_long_tests_and_no_test_is_lost(processes: int) -> None:
    short = [f"tests/test_{n}.py::test" for n in range(50)]
    long = [f"{name}::test[{n}]" for name in LONGEST for n in range(2)]
    found = [item.nodeid for item in deal(items(*short, *long), processes)]
    assert sorted(found) == sorted([*short, *long])
    assert found[0].startswith(LONGEST[0])
    starts = [found[len(found) * n // processes] for n in range(processes)]
    assert not set(starts) & set(short)
    assert [name for name in found if name in short] == short


def test_more_long_tests_than_a_share_holds_are_dealt_too() -> None:
    names = [f"{name}::test" for name in LONGEST]
    assert sorted(item.nodeid for item in deal(items(*names), 3)) == sorted(names)


@pytest.mark.parametrize("name", LONGEST)
def test_what_is_named_as_long_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert f"def {test}" in (ROOT / file).read_text("utf-8")
