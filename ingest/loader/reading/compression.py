"""Open a file, stdin or a URL; its first bytes say how it is packed."""

import bz2
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from io import BufferedReader, RawIOBase
from pathlib import PurePath
from typing import Any, BinaryIO, Protocol, cast

from ingest.loader.reading.files import CHUNK_BYTES, CorruptFile, name_of, open_raw

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

COMPRESSED_SUFFIXES = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".zip")
MAGIC_BYTES = 512  # enough for the magic of tar

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # the second of an empty one
ZSTD_SKIPPABLE_MAGIC = b"\x2a\x4d\x18"  # after a byte from 0x50 to 0x5f
# A window of `zstd --long=31`, which the decompressor refuses by default.
ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}

OFFICE = "a file of an office program: save its table as CSV"
# Kinds of file that are not read, by offset and magic.
UNREADABLE = {
    (257, b"ustar"): "a tar archive: unpack it",
    (0, b"7z\xbc\xaf\x27\x1c"): "a 7z archive: unpack it",
    (0, b"Rar!"): "a RAR archive: unpack it",
    (0, b"\x04\x22\x4d\x18"): "packed with LZ4: unpack it",
    (0, b"\x1f\x9d"): "packed with compress: unpack it",
    (0, b"SQLite format 3\0"): "an SQLite database: export its table as CSV",
    (0, b"\xd0\xcf\x11\xe0"): OFFICE,
    (0, b"PAR1"): "Parquet: unpack it, and give --format parquet",
    (0, b"ARROW1"): "an Arrow file: write it as Parquet",
    (0, b"ORC"): "an ORC file: write it as Parquet",
    (0, b"Obj\x01"): "an Avro file: write it as JSON lines",
}


class Decompressor(Protocol):
    """What bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of a stream was read."""

    @property
    def needs_input(self) -> bool:
        """Whether more can come only from more input."""

    @property
    def unused_data(self) -> bytes:
        """Input after the end of a stream."""

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Unpack some input."""


DECOMPRESSORS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x28\xb5\x2f\xfd": lambda: zstd.ZstdDecompressor(options=ZSTD_OPTIONS),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lzma.LZMADecompressor,
}


@dataclass(frozen=True)
class OpenedFile:
    """
    The unpacked content of a file that is being read.

    Args:
        suffix: of its name, or of the name in a zip, without that of the compression.
    """

    stream: BufferedReader
    suffix: str
    _packed: BinaryIO

    @property
    def offset(self) -> int:
        """How many bytes of the packed file have been read; 0 for stdin."""
        return self._packed.tell() if self._packed.seekable() else 0


@contextmanager
def open_decompressed(path: str) -> Iterator[OpenedFile]:
    """
    Open a file, stdin or a URL, and unpack it while the block reads it.

    Raises:
        CorruptFile: it cannot be opened, read or unpacked.
    """
    with readable(path), ExitStack() as stack:
        packed = stack.enter_context(open_raw(path))
        name, stream = name_of(path), packed
        if packed.peek(4).startswith(ZIP_MAGICS):
            name, stream = _only_member(packed, stack)
        stream = _decompress(stream)
        _refuse_unreadable(stream)
        yield OpenedFile(stream, plain_suffix(name), packed)


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Turn the errors of a file into CorruptFile, with one sentence."""
    try:
        yield
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zstd.ZstdError,
        zipfile.BadZipFile,
        MemoryError,
    ) as error:
        raise CorruptFile(f"{path}: {error or type(error).__name__}") from error


def plain_suffix(name: str) -> str:
    """Return the suffix of a file's name, without the suffix of its compression."""
    suffixes = [s.lower() for s in PurePath(name).suffixes if s.lower() not in COMPRESSED_SUFFIXES]
    return suffixes[-1] if suffixes else ""


def _only_member(packed: BufferedReader, stack: ExitStack) -> tuple[str, BufferedReader]:
    """Open the only file in a zip; refuse other zips."""
    if not packed.seekable():
        raise OSError("is a zip, which is read from its end, so unpack it (unzip -p)")
    archive = stack.enter_context(zipfile.ZipFile(packed))
    members = [info for info in archive.infolist() if not info.is_dir()]
    names = [info.filename for info in members]
    if "[Content_Types].xml" in names:
        raise OSError(f"is {OFFICE}")
    if len(members) != 1:
        shown = ", ".join(names[:5])
        raise OSError(f"is a zip of {len(members)} files ({shown}), so unpack it")
    if members[0].flag_bits & 1:
        raise OSError("is a zip with a password, so unpack it")
    return names[0], BufferedReader(cast(Any, archive.open(members[0])))


def _decompress(packed: BufferedReader) -> BufferedReader:
    start = packed.peek(MAGIC_BYTES)
    if start.startswith(GZIP_MAGIC):
        return BufferedReader(cast(Any, GzipFile(fileobj=packed)))
    if start[1:4] == ZSTD_SKIPPABLE_MAGIC and start[0] >> 4 == 5:
        start = b"\x28\xb5\x2f\xfd"
    for magic, decompressor in DECOMPRESSORS.items():
        if start.startswith(magic):
            return BufferedReader(_Decompressed(packed, decompressor), CHUNK_BYTES)
    return packed


def _refuse_unreadable(stream: BufferedReader) -> None:
    start = stream.peek(MAGIC_BYTES)
    for (offset, magic), what in UNREADABLE.items():
        if start[offset:].startswith(magic):
            raise OSError(f"is {what}")


class _Decompressed(RawIOBase):
    """
    The unpacked content of streams one after the other.

    The readers of the standard library take a damaged later stream for the end of the file.
    """

    def __init__(self, packed: BinaryIO, decompressor: Callable[[], Decompressor]) -> None:
        self._packed = packed
        self._new = decompressor
        self._current: Decompressor | None = None
        self._input = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data:
            if (self._current is None or self._current.eof) and not self._open_next():
                return 0
            assert self._current is not None
            if self._current.needs_input and not self._input:
                self._input = self._packed.read(CHUNK_BYTES)
                if not self._input:
                    raise EOFError("ends before its compressed data")
            data = self._current.decompress(self._input, len(buffer))
            self._input = b""
        buffer[: len(data)] = data
        return len(data)

    def _open_next(self) -> bool:
        """Begin the next stream, after the zeros that may be between two; False at the end."""
        rest = self._current.unused_data if self._current else b""
        while not (rest := rest.lstrip(b"\0")):
            rest = self._packed.read(CHUNK_BYTES)
            if not rest:
                return False
        self._current, self._input = self._new(), rest
        return True
