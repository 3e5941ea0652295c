"""Open a file or stdin; its first bytes say how it is packed."""

import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from backports import zstd

GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
COMPRESSED_SUFFIXES = (".gz", ".zst")
STDIN = "-"


class CorruptFile(Exception):
    """A file cannot be read to its end."""


@dataclass(frozen=True)
class OpenedFile:
    """The unpacked content of a file that is being read."""

    stream: BinaryIO
    _packed: BufferedReader

    @property
    def offset(self) -> int:
        """How many bytes of the packed file have been read; 0 for stdin."""
        return self._packed.tell() if self._packed.seekable() else 0


@contextmanager
def open_decompressed(path: str) -> Iterator[OpenedFile]:
    """
    Open a file or stdin, and unpack it while the block reads it.

    Raises:
        CorruptFile: it cannot be opened, read or unpacked.
    """
    with readable(path):
        packed = open_raw(path)
        try:
            yield OpenedFile(_decompress(packed), packed)
        finally:
            packed.close()


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Turn the errors of a file into CorruptFile, with one sentence."""
    try:
        yield
    except (OSError, EOFError, zlib.error, zstd.ZstdError) as error:
        raise CorruptFile(f"{path}: {error}") from error


def open_raw(path: str) -> BufferedReader:
    """Open a file or stdin without unpacking it."""
    if path == STDIN:
        return cast(BufferedReader, sys.stdin.buffer)
    return Path(path).open("rb")


def _decompress(packed: BufferedReader) -> BinaryIO:
    start = packed.peek(len(ZSTD_MAGIC))
    if start.startswith(GZIP_MAGIC):
        return cast(BinaryIO, GzipFile(fileobj=packed))
    if start.startswith(ZSTD_MAGIC):
        return cast(BinaryIO, zstd.ZstdFile(packed))
    return packed


def size_of(paths: list[str]) -> int | None:
    """Return the size of files together in bytes; None with stdin."""
    return None if STDIN in paths else sum(Path(path).stat().st_size for path in paths)


def plain_suffix(path: str) -> str:
    """Return the suffix of a file's name, without the suffix of its compression."""
    suffixes = [
        suffix for suffix in Path(path).suffixes if suffix.lower() not in COMPRESSED_SUFFIXES
    ]
    return suffixes[-1].lower() if suffixes else ""
