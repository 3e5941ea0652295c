"""What the programs share: their arguments, a stack on either broker, and how they report."""

import json
import shutil
import tempfile
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from ingest.client import ApiClient
from ingest.devstack.stack import Stack
from tests.support import prepared, rabbitmq
from tests.support.processes import end

BROKERS = ("embedded", "rabbitmq")
NEWEST = "rabbitmq_4"  # not the one of this machine's Debian
LOGS = Path("var")
TABLE_WIDTH = 200  # characters


class Result(ABC):
    """What a round ended with: a dataclass whose fields are the figures to print."""

    @property
    @abstractmethod
    def right(self) -> bool:
        """Whether the round ended as it must."""

    def figures(self) -> dict[str, Any]:
        """Return the figures by the name under which they are printed."""
        return dict(vars(self))


AnyResult = TypeVar("AnyResult", bound=Result)


def argument_parser(program: str, description: str | None = None) -> ArgumentParser:
    """Return the parser of a program's command line."""
    return ArgumentParser(prog=f"python -m tests.harness.{program}", description=description)


@contextmanager
def temporary_folder(program: str) -> Iterator[Path]:
    """Make a folder for the state of a program, and delete it after the block."""
    with tempfile.TemporaryDirectory(prefix=f"ingest-{program}-") as name:
        yield Path(name)


@contextmanager
def prepared_stack(
    folder: Path, settings: Mapping[str, str], *, broker: str = "embedded", flower: bool = False
) -> Iterator[tuple[Stack, ApiClient, rabbitmq.RabbitMQ | None]]:
    """Prepare a stack on a broker for the caller to start; end both after the block."""
    with ExitStack() as exits:
        node = None
        if broker.startswith("rabbitmq"):
            newest = broker == NEWEST
            node = exits.enter_context(rabbitmq.running(folder / "rabbitmq", newest=newest))
            settings = {**settings, "INGEST_BROKER_URL": node.new_host()}
        stack = Stack(folder, settings, flower=flower)
        exits.callback(end, stack)
        yield stack, prepared.prepare(stack), node


def keep_log(log: Path, name: str) -> None:
    """Copy a log of a failed run to a folder that outlives the run."""
    kept = LOGS / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(log, kept)
    print(f"  the log is kept: {kept}", flush=True)


def run_rounds(rounds: Iterable[AnyResult]) -> list[AnyResult]:
    """Print a JSON line when a round ends, then a table of all rounds; return their results."""
    results = []
    for result in rounds:
        print_figures(result.figures())
        results.append(result)
    print_table(results)
    return results


def print_table(results: Sequence[Result]) -> None:
    """Print a row for each result."""
    table = Table(*results[0].figures())
    for result in results:
        table.add_row(*map(str, result.figures().values()))
    Console(width=TABLE_WIDTH).print(table)


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print figures as one JSON line."""
    print(json.dumps(figures), flush=True)


def exit_status(results: Iterable[Result]) -> int:
    """Return 0 if every result is right, and 1 otherwise."""
    return 0 if all(result.right for result in results) else 1
