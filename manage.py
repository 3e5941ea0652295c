#!/usr/bin/env python
"""Django's command line, with the settings of `make run` on this machine."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line
from honcho.environ import parse

# What a shell reports of a program whose reader has gone, such as `| head`.
READER_HAS_GONE = 141


def main() -> None:
    """Run the command that the command line names."""
    if sys.argv[1:2] == ["load_posts"]:
        # The loader is a client, perhaps of another host, and must not read a server's settings.
        from ingest.loader.__main__ import main

        sys.exit(main(sys.argv[2:], name="manage.py load_posts"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingestsite.settings")
    execute_from_command_line(sys.argv)


def set_environment(file: Path) -> None:
    """Set what a .env file sets, unless the environment names a state folder of its own."""
    if "INGEST_STATE_DIR" not in os.environ and file.is_file():
        for name, value in parse(file.read_text("utf-8")).items():
            os.environ.setdefault(name, value)


if __name__ == "__main__":
    set_environment(Path(__file__).resolve().with_name(".env"))
    try:
        try:
            main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python would report the pipe again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_HAS_GONE)
