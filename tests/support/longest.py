"""The order of the tests: the longest come first, since a long one that comes last holds up all."""

from itertools import islice

import pytest

# What takes minutes, the longest first: a file, or a test of one.
LONGEST = (
    "tests/system/test_chaos.py",
    "tests/system/test_stack.py",
    "tests/system/test_signals.py",
    "tests/system/test_consumer_timeout.py",
    "tests/system/test_first_run.py",
    "tests/system/test_course_app.py",
    "tests/admin/test_lists.py::test_no_look_up_of_a_list_is_a_server_error",
    "tests/store/test_sql_writer.py::test_savers_that_are_killed_leave_no_wrong_counter",
    "tests/system/test_faults.py",
    "tests/system/test_blocked_broker.py",
)


def deal(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """
    Order tests so that the share of each process of pytest-xdist begins with some of the longest.

    With `worksteal` a share is a run of tests, and all shares have the same number. A process that
    is ready takes tests from the end of another's share.
    """
    long = sorted((item for item in items if _is_long(item)), key=_place)
    others = iter([item for item in items if not _is_long(item)])
    dealt: list[pytest.Item] = []
    for number in range(processes):
        own = long[number::processes]
        share = (len(items) - len(dealt)) // (processes - number)
        dealt += [*own, *islice(others, max(0, share - len(own)))]
    return [*dealt, *others]


def _place(item: pytest.Item) -> int:
    """Return the place of a test among the longest, or the number of places if it is short."""
    places = (n for n, name in enumerate(LONGEST) if item.nodeid.startswith(name))
    return next(places, len(LONGEST))


def _is_long(item: pytest.Item) -> bool:
    return _place(item) < len(LONGEST)
