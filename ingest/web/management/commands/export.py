"""Write names, days, comparisons, companions or posts to a file as CSV, JSON or Parquet."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import BaseModel, ValidationError

from ingest.analytics.comparison_query import (
    ComparisonQuery,
    DayRange,
    NotComparable,
    read_comparison,
)
from ingest.analytics.entity_list import MAX_LIMIT, EntityQuery
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.export import export_table
from ingest.analytics.mentioned_with import (
    MentionedWithQuery,
    most_mentioning,
    read_mentioned_with,
)
from ingest.analytics.post_list import PostListQuery, PostSource
from ingest.analytics.table_formats import FORMATS, FormatUnavailable, Table, write
from ingest.analytics.tables import (
    comparison_table,
    entity_days,
    mentioned_with_table,
    posts_table,
    publication_days,
    trends_table,
)
from ingest.analytics.trends import TrendQuery, read_trends
from ingest.core.validation import field_errors
from ingest.operations.permalinks import present_id
from ingest.operations.rule_versions import known_rules
from ingest.store import open_store
from ingest.store.base import Publication, StoreUnavailable

COMMAND = "manage.py export"

Options = dict[str, Any]


class Command(BaseCommand):
    help = "Export names, days, comparisons, companions or posts as CSV, JSON or Parquet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=TABLES)
        parser.add_argument("--publication", help="its name or id")
        parser.add_argument("--entity", help="the id of a name, as its page's address has it")
        parser.add_argument("--of", action="append", help="a side of a comparison; repeat it")
        parser.add_argument("--name", action="append", help="a name to compare; repeat it")
        parser.add_argument(
            "--period", action="append", help="days such as 2026-01-01..2026-03-31; repeat it"
        )
        parser.add_argument("--since", help="the first day, such as 2026-01-01")
        parser.add_argument("--until", help="the last day")
        parser.add_argument("--baseline", help="the first day that trends compare with")
        parser.add_argument("--family", help="the only kind of names: PERSON, PLACE, GROUP, …")
        parser.add_argument("--title", help="words of the titles of posts")
        parser.add_argument("--order", help="the order of a comparison or of companions")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--output", type=Path, help="the file (default: standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._write(TABLES[options["what"]](options), options)
        except ValidationError as error:
            problems = field_errors(error)
            texts = (f"--{each['pointer'].strip('/')}: {each['detail']}" for each in problems)
            raise CommandError("; ".join(texts)) from error
        except NotComparable as error:
            raise CommandError(f"--{error.field}: {error}") from error
        except (FormatUnavailable, StoreUnavailable) as error:
            raise CommandError(str(error)) from error

    def _write(self, table: Table, options: Options) -> None:
        parts = write(table, options["format"])
        if options["output"] is None:
            for part in parts:
                sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
            return
        with options["output"].open("wb") as file:
            file.writelines(parts)
        self.stderr.write(f"{options['output']}: {table.source}")


def _query(kind: type[BaseModel], options: Options, **changes: Any) -> Any:
    given = {name: options.get(name) for name in kind.model_fields}
    return kind(**{name: value for name, value in {**given, **changes}.items() if value})


def _publication(options: Options) -> Publication:
    name = options["publication"]
    if name is None:
        raise CommandError("Name a publication with --publication.")
    found = open_store().publication_by_id(name) or open_store().publication(name)
    if found is None:
        raise CommandError(f"There is no publication named {name!r}.")
    return found


def _entity(options: Options) -> str:
    """Return the id that the chosen entity counts under now, or "" without one."""
    return present_id(open_store(), options["entity"]) if options["entity"] else ""


def _entities(options: Options) -> Table:
    return export_table(open_store(), _publication(options), _query(EntityQuery, options))


def _days(options: Options) -> Table:
    window = _query(DayRange, options).window
    if options["entity"] is None:
        return publication_days(_publication(options), window, at=COMMAND)
    own = _publication(options).id if options["publication"] else None
    found = read_entity_overview(open_store(), _entity(options), publication_id=own)
    if found is None:
        raise CommandError("No publication mentions a name of this id.")
    return entity_days(found, window, at=COMMAND)


def _comparison(options: Options) -> Table:
    query = _query(ComparisonQuery, options)
    found = read_comparison(open_store(), query, known_rules().successors)
    return comparison_table(found, at=COMMAND)


def _mentioned_with(options: Options) -> Table:
    store, entity_id = open_store(), _entity(options)
    own = _publication(options) if options["publication"] else most_mentioning(store, entity_id)
    query = _query(MentionedWithQuery, options, publication=None)
    found = read_mentioned_with(store, entity_id, own, query) if own else None
    if found is None:
        raise CommandError("Name a mentioned name with --entity.")
    return mentioned_with_table(found, at=COMMAND)


def _posts(options: Options) -> Table:
    entity_id = _entity(options) or None
    needs_publication = options["publication"] or entity_id is None
    publication = _publication(options) if needs_publication else None
    source = PostSource(open_store(), publication, entity_id)
    query = _query(PostListQuery, options)
    what = f"Posts of {publication.name}" if publication else "Posts that mention a name"
    return posts_table(source, query, what=what, at=COMMAND)


def _trends(options: Options) -> Table:
    publication = _publication(options)
    trends = read_trends(open_store(), publication, _query(TrendQuery, options, limit=MAX_LIMIT))
    return trends_table(publication, trends, at=COMMAND)


TABLES: dict[str, Callable[[Options], Table]] = {
    "entities": _entities,
    "days": _days,
    "comparison": _comparison,
    "mentioned-with": _mentioned_with,
    "posts": _posts,
    "trends": _trends,
}
