"""The HTTP API of comparisons: any number of publications, groups, names and periods."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework.request import Request

from ingest.analytics.comparison import ComparedRow, Comparison, Side, share_lines
from ingest.analytics.comparison_query import ComparisonQuery, NotComparable, read_comparison
from ingest.api import openapi
from ingest.api.analysis import schemas
from ingest.api.authentication import KeyedView, reader_of
from ingest.api.errors import Unprocessable
from ingest.api.responses import entity_identity, read_query, tagged_response
from ingest.operations.rule_versions import known_rules
from ingest.store.base import StoreReader

LINES = 10  # entities whose lines an answer has


class ManyComparisonView(KeyedView):
    """`GET /api/comparison?of=…&of=…&name=…&period=…`: several sides, and the share over time."""

    @openapi.comparison
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(ComparisonQuery, request)
        found = compared(reader_of(request), query)
        return tagged_response(request, schemas.ManyComparison, _answer(found, query))


def compared(store: StoreReader, query: ComparisonQuery) -> Comparison:
    """Compare, and answer a parameter that names nothing with 422."""
    try:
        return read_comparison(store, query, known_rules().successors)
    except NotComparable as error:
        problem = {"pointer": f"/{error.field}", "detail": str(error)}
        raise Unprocessable("A query parameter is not valid.", errors=[problem]) from error


def _answer(found: Comparison, query: ComparisonQuery) -> dict[str, Any]:
    lines = share_lines(found, found.rows[:LINES], query.step)
    return {
        "sides": list(map(_side, found.sides)),
        "order": query.order,
        "top": found.top,
        "rows": list(map(_row, found.rows)),
        "step": lines[0].step if lines else None,
        "starts": lines[0].starts if lines else [],
        "lines": [
            {
                "id": each.entity.id,
                "text": each.entity.text,
                "shares": [[_rounded(share) for share in line] for line in each.lines],
            }
            for each in lines
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "title": side.title,
        "publications": [publication.name for publication in side.publications],
        "posts": side.posts,
        "window": {"since": side.since, "until": side.until},
    }


def _row(row: ComparedRow) -> dict[str, Any]:
    counts = [
        {"mentions": c.mentions, "posts": c.posts, "share_of_posts": _rounded(c.share)}
        for c in row.counts
    ]
    own = {"counts": counts, "sides": row.sides, "difference": _rounded(row.difference)}
    return {**entity_identity(row.entity), **own}


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
