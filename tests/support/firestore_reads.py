"""How many documents Firestore reads for a block of code, as its bill counts them."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from google.cloud.firestore_v1.services.firestore import FirestoreClient

# An aggregation costs one read for up to so many index entries.
# https://cloud.google.com/firestore/pricing
ENTRIES_OF_A_READ = 1000


class Reads:
    """The documents read so far; an answer without a document costs one read too."""

    def __init__(self) -> None:
        self.documents = 0


@contextmanager
def counted_reads() -> Iterator[Reads]:
    """Count what Google's client receives in this process."""
    reads = Reads()
    methods = {
        "run_query": _documents_of_query,
        "batch_get_documents": _documents_of_get,
        "run_aggregation_query": _reads_of_aggregation,
    }
    with ExitStack() as exits:
        for name, cost in methods.items():
            counting = _counting(name, cost, reads)
            exits.enter_context(patch.object(FirestoreClient, name, counting))
        yield reads


def _counting(name: str, cost: Callable[[Any], int], reads: Reads) -> Callable[..., Iterator[Any]]:
    original = getattr(FirestoreClient, name)

    def call(*args: Any, **options: Any) -> Iterator[Any]:
        before = reads.documents
        for response in original(*args, **options):
            reads.documents += cost(response)
            yield response
        reads.documents = max(reads.documents, before + 1)

    return call


def _documents_of_query(response: Any) -> int:
    return int(bool(response.document.name))


def _documents_of_get(response: Any) -> int:
    return int(bool(response.found.name or response.missing))


def _reads_of_aggregation(response: Any) -> int:
    entries: int = response.result.aggregate_fields["entities"].integer_value
    return math.ceil(entries / ENTRIES_OF_A_READ)
