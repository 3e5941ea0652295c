"""What a follower remembers in a file of SQLite: its feeds, and its articles by address."""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS feed (
    url TEXT PRIMARY KEY, address TEXT NOT NULL, etag TEXT, modified TEXT,
    next_at REAL NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    gone INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS article (
    url TEXT PRIMARY KEY, state TEXT NOT NULL, why TEXT, tries INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL DEFAULT 0
);
"""


@dataclass
class FeedState:
    """Where a feed is now, what its last answer said, and when to ask again."""

    url: str
    address: str
    etag: str | None = None
    modified: str | None = None
    next_at: float = 0
    failures: int = 0
    gone: bool = False


class Memory:
    """The file. A lock lets the threads of one follower share it."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.row_factory = sqlite3.Row
        self._file.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def feed(self, url: str) -> FeedState:
        """Return what is known of a feed."""
        with self._lock:
            row = self._file.execute("SELECT * FROM feed WHERE url = ?", (url,)).fetchone()
        return FeedState(**{**row, "gone": bool(row["gone"])}) if row else FeedState(url, url)

    def save(self, feed: FeedState) -> None:
        """Remember a feed."""
        with self._lock:
            self._file.execute(
                "INSERT OR REPLACE INTO feed"
                " (url, address, etag, modified, next_at, failures, gone)"
                " VALUES (:url, :address, :etag, :modified, :next_at, :failures, :gone)",
                asdict(feed),
            )

    def due_at(self, url: str, *, most_tries: int) -> float | None:
        """Return when to try an article: 0 for a new one, None for one that is done."""
        row = self._article(url)
        if row is None:
            return 0
        is_open = row["state"] == "failed" and row["tries"] < most_tries
        return float(row["next_at"]) if is_open else None

    def tries(self, url: str) -> int:
        """Return how often an article was tried."""
        row = self._article(url)
        return int(row["tries"]) if row else 0

    def _article(self, url: str) -> sqlite3.Row | None:
        with self._lock:
            row: sqlite3.Row | None = self._file.execute(
                "SELECT * FROM article WHERE url = ?", (url,)
            ).fetchone()
        return row

    def note(self, url: str, state: str, why: str = "", *, next_at: float = 0) -> None:
        """Remember what became of an article: posted, refused, unreadable or failed."""
        with self._lock:
            self._file.execute(
                "INSERT INTO article (url, state, why, tries, next_at) VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT (url) DO UPDATE SET state = excluded.state, why = excluded.why,"
                " tries = tries + 1, next_at = excluded.next_at",
                (url, state, why, next_at),
            )
