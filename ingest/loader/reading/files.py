"""Files by their names: on this machine, from stdin, or at a URL by smart_open."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import urlsplit

STDIN = "-"
CHUNK_BYTES = 1 << 16
TIMEOUT_SECONDS = 60  # of a web server

NO_PACKAGE = "such URLs need other packages: pip install -r requirements/remote.txt"


class CorruptFile(Exception):
    """A file cannot be read to its end."""


def is_url(path: str) -> bool:
    """Return whether a path is a URL, such as gs://bucket/file."""
    return "://" in path


def name_of(path: str) -> str:
    """Return the last part of a path, without the query of a URL."""
    return PurePosixPath(urlsplit(path).path).name if is_url(path) else Path(path).name


def identity_of(path: str) -> str:
    """Return what a file is known by: a URL, an absolute path, or STDIN."""
    return path if path == STDIN or is_url(path) else str(Path(path).resolve())


def size_of(paths: list[str]) -> int | None:
    """Return the size of files together in bytes; None with stdin or a URL."""
    if any(path == STDIN or is_url(path) for path in paths):
        return None
    return sum(Path(path).stat().st_size for path in paths)


@contextmanager
def open_raw(path: str) -> Iterator[BufferedReader]:
    """
    Open a file, stdin or a URL without unpacking it.

    Raises:
        OSError: it cannot be read, or the package for its URL is missing.
    """
    if path == STDIN:
        yield cast(BufferedReader, sys.stdin.buffer)
    elif is_url(path):
        with BufferedReader(cast(Any, _Remote(path)), CHUNK_BYTES) as remote:
            yield remote
    else:
        with Path(path).open("rb") as file:
            yield file


class _Remote(RawIOBase):
    """A file at a URL. Each service has errors of its own, and all of them become OSError."""

    def __init__(self, url: str) -> None:
        self._file: Any = None
        params = {"timeout": TIMEOUT_SECONDS} if url.startswith("http") else {}
        with _as_os_error():
            from smart_open import open as smart_open

            self._file = smart_open(url, "rb", compression="disable", transport_params=params)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        with _as_os_error():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        with _as_os_error():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed and self._file:
            self._file.close()
        super().close()


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except ImportError as error:
        raise OSError(NO_PACKAGE) from error
    except Exception as error:
        raise OSError(" ".join(f"{type(error).__name__}: {error}".split())) from error
