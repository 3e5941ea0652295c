"""Packed files: every stream and frame is read to its end, or the file is refused in a sentence."""

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.compression import plain_suffix, zstd
from ingest.loader.reading.files import CorruptFile
from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row
from tests.support.rows import read_rows

POSTS = [{"publication": "P", "content": f"Oslo {n}."} for n in range(5000)]
LINES = b"".join(json.dumps(post).encode() + b"\n" for post in POSTS)
HALF = LINES.index(b"\n", len(LINES) // 2) + 1
SKIPPABLE_FRAME = struct.pack("<II", 0x184D2A50, 4) + b"abcd"

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstd.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
each_kind = pytest.mark.parametrize("suffix", PACKERS)


def posts(path: Path, packed: bytes) -> list[dict[str, str] | None]:
    path.write_bytes(packed)
    return [row.post for row in read_rows(RowReader(Columns()), path)[0]]


@each_kind
def test_a_packed_file_is_unpacked_whatever_its_name(tmp_path: Path, suffix: str) -> None:
    for name in (f"p.jsonl{suffix}", "misnamed.jsonl"):
        assert posts(tmp_path / name, PACKERS[suffix](LINES)) == POSTS


@each_kind
def test_streams_one_after_the_other_are_one_file(tmp_path: Path, suffix: str) -> None:
    pack = PACKERS[suffix]
    assert posts(tmp_path / "p.jsonl", pack(LINES[:HALF]) + pack(LINES[HALF:])) == POSTS


@each_kind
@pytest.mark.parametrize("end", [b"", b"garbage"], ids=["cut", "garbage"])
def test_a_damaged_file_is_not_taken_for_a_short_one(
    tmp_path: Path, suffix: str, end: bytes
) -> None:
    pack = PACKERS[suffix]
    second = bytearray(pack(LINES[HALF:]))
    packed = pack(LINES[:HALF]) + (bytes(second[:-40]) if not end else end + second)
    (tmp_path / "p.jsonl").write_bytes(packed)
    found: list[Row] = []
    with pytest.raises(CorruptFile, match=r"p\.jsonl: \w+"):
        found.extend(RowReader(Columns()).rows(str(tmp_path / "p.jsonl"), notify=print))
    assert all(row.is_sent for row in found[:-1])


def test_zeros_after_a_stream_are_its_padding(tmp_path: Path) -> None:
    assert posts(tmp_path / "p.jsonl", lzma.compress(LINES) + b"\0" * 8) == POSTS


@pytest.mark.parametrize("before", [True, False])
def test_skippable_frames_of_zstd_are_skipped(tmp_path: Path, before: bool) -> None:
    frame = zstd.compress(LINES)
    packed = SKIPPABLE_FRAME + frame if before else frame + SKIPPABLE_FRAME
    assert posts(tmp_path / "p.jsonl", packed) == POSTS


def test_a_long_window_of_zstd_is_read(tmp_path: Path) -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 28,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    noise = random.Random(1).randbytes(1_000_000).hex()
    post = {"publication": "P", "content": noise}
    line = json.dumps(post).encode() + b"\n"
    assert posts(tmp_path / "p.jsonl", zstd.compress(line * 80, options=options)) == [post] * 80


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_the_only_file_of_a_zip_is_read_by_its_own_name(tmp_path: Path) -> None:
    table = b"publication,content\nP,Oslo.\n"
    assert posts(tmp_path / "news.zip", zipped({"news/a.csv": table})) == [
        {"publication": "P", "content": "Oslo."}
    ]


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.jsonl"))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "way"),
    [
        (
            zipped({"a.csv": b"1", "b.csv": b"2"}),
            r"is a zip of 2 files \(a.csv, b.csv\), so unpack it",
        ),
        (zipped({}), "is a zip of 0 files"),
        (zipped({"[Content_Types].xml": b"", "a.xml": b""}), "is a file of an office program"),
        (b"PK\x03\x04 damaged", "zip"),
        (tar(), "is a tar archive: unpack it"),
        (gzip.compress(tar()), "is a tar archive: unpack it"),
        (b"SQLite format 3\0" + b"\0" * 100, "is an SQLite database: export its table as CSV"),
        (gzip.compress(b"PAR1" + b"\0" * 100), "is Parquet: unpack it, and give --format parquet"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it"),
    ],
    # A compressed file has the time in it, and pytest's workers need the same names.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_not_read_names_the_way_out(
    tmp_path: Path, content: bytes, way: str
) -> None:
    with pytest.raises(CorruptFile, match=rf"p\.jsonl: .*{way}"):
        posts(tmp_path / "p.jsonl", content)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.bz2", "A.CSV.GZ", "b.x.csv.zst", "a.csv.zip"])
def test_the_suffix_is_that_of_the_content(name: str) -> None:
    assert plain_suffix(name) == ".csv"
