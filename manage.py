#!/usr/bin/env python
"""The command line of a checkout, with the settings of `make run` on this machine."""

import sys
from pathlib import Path

from ingest.__main__ import main

if __name__ == "__main__":
    sys.exit(main(name="manage.py", folder=Path(__file__).resolve().parent))
