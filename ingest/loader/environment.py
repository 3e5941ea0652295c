"""What the environment says to a client; a server's settings are ingestsite/configuration.py's."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

URL = os.environ.get("INGEST_URL") or "http://127.0.0.1:8400"
KEY = os.environ.get("INGEST_KEY") or ""
# Where journals are, and the rows that were refused.
FOLDER = Path(os.environ.get("INGEST_STATE_DIR") or ROOT / "var") / "load"
