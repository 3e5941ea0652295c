"""Which column of a table is which field of a post, and how its cells are written in one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from ingest.core.posts import Post

FIELDS = tuple(Post.model_fields)
# Kaggle's "All the News 2.0"; its title, url and publication are called what they are here.
ALL_THE_NEWS = {"content": "article", "published_at": "date"}


@dataclass(frozen=True)
class Columns:
    """
    How rows become posts.

    Args:
        names: the column of a field that has another name.
        publication: of rows that name none.
        only_fields: whether what is no field of a post is left out of an object, as of a table.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    publication: str | None = None
    only_fields: bool = False

    def of_table(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return the post that a row of a table is; an empty cell is a field that is not there."""
        taken = {name: cells.get(self.names.get(name, name)) for name in FIELDS}
        post = {name: _text(cell) for name, cell in taken.items() if not _is_empty(cell)}
        if "published_at" in post:
            post["published_at"] = _with_offset(post["published_at"])
        return self._published(post)

    def of_object(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the post that an object of JSON is, with whatever else is in it."""
        post = dict(item)
        for name, column in self.names.items():
            if column in post:
                post[name] = post.pop(column)
        if self.only_fields:
            post = {name: value for name, value in post.items() if name in FIELDS}
        return self._published(post)

    def left_out(self, header: list[str]) -> list[str]:
        """Return the columns of a table that are none of a post's."""
        taken = {self.names.get(name, name) for name in FIELDS}
        return [name for name in header if name not in taken]

    def missing(self, header: list[str]) -> list[str]:
        """Return the columns without which no row of a table is a post."""
        wanted = {**{name: name for name in ("content", "publication")}, **self.names}
        if self.publication:
            wanted.pop("publication")
        return [column for column in wanted.values() if column not in header]

    def _published(self, post: dict[str, Any]) -> dict[str, Any]:
        if self.publication and "publication" not in post:
            post["publication"] = self.publication
        return post


def _is_empty(cell: object) -> bool:
    """Return whether a cell says nothing: NaN is unequal to itself."""
    return cell is None or cell == "" or cell != cell


def _text(cell: object) -> str:
    if isinstance(cell, date) and not isinstance(cell, datetime):
        cell = datetime.combine(cell, time())
    return cell.isoformat() if isinstance(cell, datetime) else str(cell)


def _with_offset(text: str) -> str:
    """Take a time of a table that names no offset for UTC; of what is no time the API will tell."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
