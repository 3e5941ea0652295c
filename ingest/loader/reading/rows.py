"""One row of a file: a post, or a problem that says why it is no post."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ingest.loader.reading.dates import BadDate, Dates

MAX_ROW_BYTES = 10_000_000  # of a line or an element of JSON, and characters of a cell
SAMPLE_CHARACTERS = 1000  # of a row that cannot be read

Notify = Callable[[str], None]  # says a sentence about a file


@dataclass(frozen=True)
class Row:
    """
    One row of a file, numbered from 1.

    Args:
        offset: how many bytes of the file were read for it.
        body: the post as JSON, or the start of a text that is no post.
        problem: why it is not sent.
    """

    number: int
    offset: int
    body: bytes
    problem: str = ""
    post: dict[str, Any] | None = None

    @property
    def is_blank(self) -> bool:
        """Whether the row is empty."""
        return not self.body and not self.problem

    @property
    def is_sent(self) -> bool:
        """Whether the row is a post without a problem."""
        return self.post is not None and not self.problem

    def after(self, digest: bytes) -> bytes:
        """Return the digest of all rows up to this one, from that of the rows before it."""
        return blake2b(digest + self.problem.encode() + self.body, digest_size=16).digest()


def blank_row(number: int, offset: int) -> Row:
    """Return an empty row."""
    return Row(number, offset, b"")


def problem_row(number: int, offset: int, problem: str, text: str = "") -> Row:
    """Return a row that cannot be read, with the start of its text."""
    return Row(number, offset, text[:SAMPLE_CHARACTERS].encode(errors="replace"), problem)


def post_row(
    number: int, offset: int, post: Mapping[str, Any], dates: Dates, *, problem: str = ""
) -> Row:
    """Return the row of a post, whose date gets the shape that the API takes."""
    read = dict(post)
    if "published_at" in post and not problem:
        try:
            read["published_at"] = dates.read(post["published_at"])
        except BadDate as error:
            problem = f"published_at: {error}"
            read["published_at"] = str(post["published_at"])
    return Row(number, offset, json.dumps(read).encode(), problem, read)
