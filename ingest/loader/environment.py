"""The environment of a client; ingestsite/configuration.py reads that of a server."""

import os
from pathlib import Path

from ingest.process.installation import state_folder


def _secret(name: str) -> str:
    """Return a secret from the environment, or from the file that NAME_FILE names."""
    value, file = os.environ.get(name) or "", f"{name}_FILE"
    if file not in os.environ:
        return value
    if value:
        raise SystemExit(f"{name} and {file} are both set: only one may be.")
    try:
        value = Path(os.environ[file]).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise SystemExit(f"{file} names a file that cannot be read.") from None
    if not value:
        raise SystemExit(f"{file} names a file that is empty.")
    return value


# By default the server of this machine, whose port manage.py finds in its .env file.
PORT = os.environ.get("INGEST_WEB_PORT") or "8400"
URL = os.environ.get("INGEST_URL") or f"http://127.0.0.1:{PORT}"
KEY = _secret("INGEST_KEY")
# The folder of checkpoints and refused rows.
FOLDER = Path(os.environ.get("INGEST_STATE_DIR") or state_folder()) / "load"
