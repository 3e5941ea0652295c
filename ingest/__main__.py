"""
The command line: `ingest COMMAND`, which is also `python -m ingest` and, in a checkout, manage.py.

A command is imported only when it is wanted: the loader is a client, perhaps of another host, and
must not read a server's settings.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from honcho.environ import parse

from ingest import __version__

# What a shell reports of a program whose reader has gone, such as `| head`.
READER_HAS_GONE = 141

# The commands that need no settings of Django. All others are Django's.
COMMANDS = {
    "run": ("ingest.devstack.run", "run the whole stack on this machine until Ctrl-C"),
    "demo": ("ingest.devstack.demo", "process sample posts from end to end, print their counts"),
    "simulate": ("ingest.devstack.simulate", "simulate publishers, and check the counts"),
    "emulator": ("ingest.devstack.emulator_install", "install Google's Firestore emulator"),
    "load": ("ingest.loader.__main__", "load posts from files through the API"),
}
ALIASES = {"load_posts": "load"}  # the name of the loader in manage.py


def main(*, name: str = "ingest", folder: Path | None = None) -> int:
    """
    Run the command that the command line names, and return the exit status.

    Args:
        name: how the user calls this program.
        folder: where the .env file is; by default the current folder.
    """
    set_environment((folder or Path.cwd()) / ".env")
    try:
        try:
            return _run(name)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python would report the pipe again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_HAS_GONE


def set_environment(file: Path) -> None:
    """Set what a .env file sets, unless the environment names a state folder of its own."""
    if "INGEST_STATE_DIR" not in os.environ and file.is_file():
        for name, value in parse(file.read_text("utf-8")).items():
            os.environ.setdefault(name, value)


def _run(name: str) -> int:
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command == "--version":
        print(__version__)
        return 0
    if own := COMMANDS.get(ALIASES.get(command, command)):
        sys.argv = [f"{name} {command}", *sys.argv[2:]]
        run: Callable[[], int] = import_module(own[0]).main
        return run()
    if sys.argv[1:] in ([], ["help"], ["--help"]):
        _print_own_commands()
    from django.core.management import execute_from_command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingestsite.settings")
    execute_from_command_line([name, *sys.argv[1:]])
    return 0


def _print_own_commands() -> None:
    for command, (_, what) in COMMANDS.items():
        print(f"    {command:10} {what}")


if __name__ == "__main__":
    sys.exit(main())
