"""
Run the whole stack on this machine, until Ctrl-C: the commands of the Procfile beside this file.

    python -m ingest.devstack.run [--env FILE]
    honcho start
"""

import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from honcho.environ import parse


def read_env(path: Path) -> dict[str, str]:
    """Return the settings of a .env file, whose values are quoted as in a shell."""
    if not path.is_file():
        return {}
    try:
        return dict(parse(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be read: {error}.")


@contextmanager
def foreground() -> Iterator[None]:
    """Let Ctrl-C of a terminal reach this process alone, since `make` would end with an error."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
        before = os.tcgetpgrp(terminal)
    except OSError:
        yield
        return
    if before != os.getpgrp() or before == os.getpid():  # in the background, or alone already
        yield
        return
    for number in (signal.SIGTTOU, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpid())
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, before)


def main() -> int:
    """Read the command line and the .env file, and run the stack."""
    parser = ArgumentParser(prog="ingest run", description="Run the stack.")
    parser.add_argument(
        "--env", type=Path, default=Path(".env"), help="a file of settings (%(default)s)"
    )
    os.environ.update(read_env(parser.parse_args().env))
    from ingest.devstack.launch import launch  # it reads the settings

    try:
        with foreground():
            return launch()
    except KeyboardInterrupt:  # before the stack has started
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
