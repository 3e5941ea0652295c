"""Cut any values into lists of a size."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut values, in their order, into lists of `size`; the last may be shorter."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
