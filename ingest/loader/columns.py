"""How a row of a table or an object of JSON becomes a post."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from ingest.core.posts import Post

FIELDS = tuple(Post.model_fields)
# Of Kaggle's "All the News 2.0"; its title, url and publication have our names.
ALL_THE_NEWS = {"content": "article", "published_at": "date"}


@dataclass(frozen=True)
class Columns:
    """
    How rows become posts.

    Args:
        names: the column of a field that has another name.
        publication: the publication of rows that name none.
        only_fields: whether to leave out an object's names that are no field of a post.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    publication: str | None = None
    only_fields: bool = False

    def of_table(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return the post of a table's row; an empty cell is a missing field."""
        cells_by_field = {name: cells.get(self.names.get(name, name)) for name in FIELDS}
        post = {name: _text(cell) for name, cell in cells_by_field.items() if not _is_empty(cell)}
        if "published_at" in post:
            post["published_at"] = _with_offset(post["published_at"])
        return self._with_publication(post)

    def of_object(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the post of a JSON object, with its other names unless only_fields."""
        post = dict(item)
        for name, column in self.names.items():
            if column in post:
                post[name] = post.pop(column)
        if self.only_fields:
            post = {name: value for name, value in post.items() if name in FIELDS}
        return self._with_publication(post)

    def left_out(self, header: list[str]) -> list[str]:
        """Return the columns of a table that are no field of a post."""
        used = {self.names.get(name, name) for name in FIELDS}
        return [name for name in header if name not in used]

    def missing(self, header: list[str]) -> list[str]:
        """Return the columns that a post needs and the table does not have."""
        required = {**{name: name for name in ("content", "publication")}, **self.names}
        if self.publication:
            required.pop("publication")
        return [column for column in required.values() if column not in header]

    def _with_publication(self, post: dict[str, Any]) -> dict[str, Any]:
        if self.publication and "publication" not in post:
            post["publication"] = self.publication
        return post


def _is_empty(cell: object) -> bool:
    """Return whether a cell is None, empty or NaN, which is unequal to itself."""
    return cell is None or cell == "" or cell != cell


def _text(cell: object) -> str:
    if isinstance(cell, date) and not isinstance(cell, datetime):
        cell = datetime.combine(cell, time())
    return cell.isoformat() if isinstance(cell, datetime) else str(cell)


def _with_offset(text: str) -> str:
    """Read a time without an offset as UTC; the API refuses text that is no time."""
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).isoformat()
