"""The lists of the admin: they fit a small screen, and answer only plain look-ups."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError, NotSupportedError
from django.db.models import JSONField
from django.http import HttpRequest

# What our filters, Django's date hierarchy and its links ask. Others, such as `regex`, may take all
# of a processor, or are not known to every database.
LOOKUPS = frozenset(("exact", "id", "in", "isnull", "gte", "lt", "year", "month", "day"))


class CheckedChangeList(ChangeList):
    """A list whose address may have a value that nothing can be compared with."""

    def get_filters(self, request: HttpRequest) -> Any:
        with _incorrect_on_error():
            return super().get_filters(request)

    def get_results(self, request: HttpRequest) -> None:
        with _incorrect_on_error():
            super().get_results(request)


@contextmanager
def _incorrect_on_error() -> Iterator[None]:
    try:
        yield
    except (ValueError, OverflowError, DataError, NotSupportedError) as error:
        raise IncorrectLookupParameters(error) from error


class ListAdmin:
    """A ModelAdmin mixin: a list with our style, whose address may have only plain look-ups."""

    model: Any

    class Media:
        css = {"all": ("dashboard/dashboard.css",)}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        name, *parts = lookup.split("__")
        fields = {field.name: field for field in self.model._meta.get_fields()}
        is_plain = LOOKUPS.issuperset(parts) and not isinstance(fields.get(name), JSONField)
        return is_plain and super().lookup_allowed(lookup, value, request)  # type: ignore[misc]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CheckedChangeList
