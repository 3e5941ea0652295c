"""How a row of a table or an object of JSON becomes a post."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.core.posts import Post

FIELDS = tuple(Post.model_fields)
REQUIRED = ("content", "publication")


@dataclass(frozen=True)
class Columns:
    """
    How rows become posts.

    Args:
        names: the columns of a field, other than its own name. The first that is not empty counts.
        publication: the publication of rows that name none.
        only_fields: whether to leave out an object's names that are no field of a post.
        needed: the fields that a table must have columns for.
    """

    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    publication: str | None = None
    only_fields: bool = False
    needed: Sequence[str] = REQUIRED

    def of_table(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return the post of a table's row; an empty cell is a missing field."""
        return self._post({name: self._of(name) for name in FIELDS}, cells)

    def of_object(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the post of a JSON object, with its other names unless only_fields."""
        others = {} if self.only_fields else {name: item[name] for name in self.left_out(item)}
        columns = {name: (*self._of(name), name) for name in FIELDS}
        return self._post(columns, item) | {k: v for k, v in others.items() if k not in FIELDS}

    def left_out(self, header: Iterable[str]) -> list[str]:
        """Return the columns of a table that are no field of a post."""
        return [column for column in header if not self.fields_of(column)]

    def fields_of(self, column: str) -> list[str]:
        """Return the fields that a column may give a value to."""
        return [name for name in FIELDS if column in self._of(name)]

    def missing(self, header: Iterable[str]) -> list[str]:
        """Return the columns that a post needs and the table does not have."""
        needed = [name for name in self.needed if name != "publication" or not self.publication]
        known = set(header)
        return [" or ".join(self._of(name)) for name in needed if not known & {*self._of(name)}]

    def _of(self, name: str) -> Sequence[str]:
        """Return the columns of a field."""
        return self.names.get(name, (name,))

    def _post(
        self, columns: Mapping[str, Sequence[str]], cells: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the fields that are not empty, in an order that no option changes."""
        post: dict[str, Any] = {}
        for name, candidates in columns.items():
            values = [_value(name, cells.get(column)) for column in candidates]
            default = self.publication if name == "publication" else None
            found = [value for value in [*values, default] if value is not None]
            post |= {name: found[0]} if found else {}
        return post


def _value(name: str, cell: Any) -> Any:
    """Return a cell; None if it is empty, blank or NaN, which is unequal to itself."""
    if cell is None or cell != cell or (isinstance(cell, str) and not cell.strip()):
        return None
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return str(cell) if name == "id" and is_number else cell
