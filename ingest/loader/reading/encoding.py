"""The encoding of a text, and its content as UTF-8."""

import codecs
import json
from dataclasses import replace
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO

from ingest.loader.reading.compression import OpenedFile
from ingest.loader.reading.files import CHUNK_BYTES

UTF_8 = ("utf-8", "utf-8-sig", "ascii")


def as_utf_8(file: OpenedFile, encoding: str | None) -> OpenedFile:
    """
    Return a text as UTF-8; without an encoding, its first bytes tell UTF-8, UTF-16 or UTF-32.

    What is no text in this encoding becomes bytes that are not UTF-8, for the reader to refuse.
    """
    start = file.stream.peek(4)[:4]
    name = codecs.lookup(encoding or json.detect_encoding(start)).name
    if name in UTF_8:
        return file
    return replace(file, stream=BufferedReader(_Recoded(file.stream, name), CHUNK_BYTES))


class _Recoded(RawIOBase):
    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        wide = encoding.startswith(("utf-16", "utf-32"))
        self._errors = "surrogatepass" if wide else "surrogateescape"
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            data = self._stream.read(CHUNK_BYTES)
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                raise OSError(f"is not {error.encoding}: {error.reason}") from error
            self._rest = text.encode("utf-8", self._errors)
            if not data:
                break
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
