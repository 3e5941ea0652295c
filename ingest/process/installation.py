"""Where this code runs from: a checkout, or an installed package."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
IS_CHECKOUT = (ROOT / "manage.py").is_file()
# How a person calls our commands.
PROGRAM = "manage.py" if IS_CHECKOUT else "ingest"


def state_folder() -> Path:
    """Return the default folder of everything that outlives a process."""
    if IS_CHECKOUT:
        return ROOT / "var"
    given = os.environ.get("XDG_STATE_HOME", "")
    return (
        Path(given) if given.startswith("/") else Path("~/.local/state").expanduser()
    ) / "ingest"
