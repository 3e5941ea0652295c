"""Things that a process has once, such as a client, whichever thread asks first."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class once(Generic[P, T]):  # noqa: N801, a decorator
    """
    Keep what a function returns for its arguments; no two threads run it at the same time.

    `functools.cache` lets two first callers make one each. Redis' client closes the connections of
    its pool once nothing refers to it, in whichever thread uses one of them then.
    """

    def __init__(self, make: Callable[P, T]) -> None:
        self.__doc__ = make.__doc__
        self._make = make
        self._made: dict[object, T] = {}
        # Free once all is made, so no later fork copies it locked.
        self._lock = Lock()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, *kwargs.items())
        if key not in self._made:
            with self._lock:
                if key not in self._made:
                    self._made[key] = self._make(*args, **kwargs)
        return self._made[key]

    def forget(self) -> None:
        """Make everything anew, as tests with other settings need."""
        self._made.clear()
