"""The page that compares publications, groups of them, names and periods."""

from typing import Any, get_args

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import render
from pydantic import ValidationError

from ingest.analytics.comparison import ComparedRow, Comparison, share_lines
from ingest.analytics.comparison_query import (
    GROUP_SIGN,
    ComparisonQuery,
    NotComparable,
    read_comparison,
)
from ingest.analytics.time_axis import ChosenStep
from ingest.core.entity_names import FAMILIES
from ingest.core.validation import field_errors, url_parameters
from ingest.models import PublicationGroup
from ingest.operations.rule_versions import known_rules
from ingest.store.base import StoreReader
from ingest.web import charts
from ingest.web.decorators import page, reader_of
from ingest.web.templatetags.web import label_name

MAX_SUGGESTIONS = 100  # names of publications in the form
TABLE_ROWS = 40
COLUMN_ROWS = 15
CHARTS = 4  # names whose share over time is drawn

ORDERS = (
    ("share", "share of posts"),
    ("difference", "difference of shares"),
    ("mentions", "mentions"),
)


@page
def comparison(request: HttpRequest) -> HttpResponseBase:
    """Show what publications, groups and periods have in common, and what only one of them has."""
    store = reader_of(request)
    query, errors = read_page_query(request.GET)
    context = _form(store, request.GET)
    if query and not query.is_empty:
        try:
            context |= _result(read_comparison(store, query, known_rules().successors), query)
        except NotComparable as error:
            errors = {error.field: str(error)}
    return render(request, "web/compare.html", {**context, "errors": errors})


def read_page_query(parameters: QueryDict) -> tuple[ComparisonQuery | None, dict[str, str]]:
    """Read the filters of a comparison; return None and the errors if one is not valid."""
    lists = {n: _filled(parameters, n) for n in ComparisonQuery.model_fields if n != "of"}
    lists["of"] = _subjects(parameters)
    filled = ((name, values) for name, values in lists.items() if values)
    try:
        return ComparisonQuery(**url_parameters(ComparisonQuery, filled)), {}
    except ValidationError as error:
        return None, {e["pointer"].split("/")[1]: e["detail"] for e in field_errors(error)}


def _subjects(parameters: QueryDict) -> list[str]:
    """Return the subjects; the addresses of the page's first version named two so."""
    return [text for name in ("of", "first", "second") for text in _filled(parameters, name)]


def _filled(parameters: QueryDict, name: str) -> list[str]:
    """Return the values of a parameter that are not empty, each once."""
    values = (value.strip() for value in parameters.getlist(name))
    return list(dict.fromkeys(value for value in values if value))


def _form(store: StoreReader, chosen: QueryDict) -> dict[str, Any]:
    groups = list(PublicationGroup.objects.all()[:MAX_SUGGESTIONS])
    names = store.publication_names(limit=MAX_SUGGESTIONS)
    titles = dict(names) | {GROUP_SIGN + group.slug: group.name for group in groups}
    return {
        "subjects": [(text, titles.get(text, text)) for text in _subjects(chosen)],
        "names": _filled(chosen, "name"),
        "periods": _filled(chosen, "period"),
        "suggestions": [name for _, name in names],
        "groups": [(GROUP_SIGN + group.slug, group.name) for group in groups],
        "families": [(family, label_name(family)) for family in sorted(FAMILIES)],
        "orders": ORDERS,
        "steps": get_args(ChosenStep),
        "chosen": {n: chosen.get(n, "") for n in ("family", "since", "until", "order", "step")},
    }


def _result(found: Comparison, query: ComparisonQuery) -> dict[str, Any]:
    titles = [side.title for side in found.sides]
    lines = share_lines(found, found.rows[:CHARTS], query.step)
    return {
        "found": found,
        "titles": list(enumerate(titles)),
        "pictures": [(each, charts.share_lines(each, titles)) for each in lines],
        "step": lines[0].step if lines else "",
        "rows": found.rows[:TABLE_ROWS],
        "columns": _columns(found) if len(found.sides) > 1 and found.top else [],
        "shown": f":{COLUMN_ROWS}",
        "named": {row.entity.id: row.entity.text for row in found.rows},
    }


def _columns(found: Comparison) -> list[tuple[str, list[ComparedRow]]]:
    """Return the lists of what one side alone has, and of what one side alone lacks."""
    only = [(f"Only {side.title}", found.only(i)) for i, side in enumerate(found.sides)]
    lacking = [(f"All but {side.title}", found.lacking(i)) for i, side in enumerate(found.sides)]
    return only + [column for column in lacking if column[1]]
