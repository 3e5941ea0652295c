"""How a file or stdin is opened: what it is packed with is told by its first bytes."""

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

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
COMPRESSED_SUFFIXES = (".gz", ".zst")
STDIN = "-"


class CorruptFile(Exception):
    """A file that cannot be read, or not to its end."""


@dataclass(frozen=True)
class OpenedFile:
    """What is in a file, while it is read."""

    stream: BinaryIO
    _packed: BufferedReader

    @property
    def at(self) -> int:
        """How many bytes of the file itself have been read; of stdin nobody asks."""
        return self._packed.tell() if self._packed.seekable() else 0


@contextmanager
def open_decompressed(path: str) -> Iterator[OpenedFile]:
    """
    Open a file, or stdin, and unpack it while it is read.

    Raises:
        Damaged: also while it is read.
    """
    with readable(path):
        packed = open_raw(path)
        try:
            yield OpenedFile(_decompress(packed), packed)
        finally:
            packed.close()


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Turn what can go wrong with a file into one sentence."""
    try:
        yield
    except (OSError, EOFError, zlib.error, zstd.ZstdError) as error:
        raise CorruptFile(f"{path}: {error}") from error


def open_raw(path: str) -> BufferedReader:
    """Open a file, or stdin, as it is."""
    if path == STDIN:
        return cast(BufferedReader, sys.stdin.buffer)
    return Path(path).open("rb")


def _decompress(packed: BufferedReader) -> BinaryIO:
    begin = packed.peek(len(ZSTD))
    if begin.startswith(GZIP):
        return cast(BinaryIO, GzipFile(fileobj=packed))
    if begin.startswith(ZSTD):
        return cast(BinaryIO, zstd.ZstdFile(packed))
    return packed


def size_of(paths: list[str]) -> int | None:
    """Return the bytes of files together; of stdin nobody knows."""
    return None if STDIN in paths else sum(Path(path).stat().st_size for path in paths)


def plain_suffix(path: str) -> str:
    """Return the end of a file's name, without what tells only how it is packed."""
    suffixes = [
        suffix for suffix in Path(path).suffixes if suffix.lower() not in COMPRESSED_SUFFIXES
    ]
    return suffixes[-1].lower() if suffixes else ""
