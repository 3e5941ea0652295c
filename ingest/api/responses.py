"""Shared parts of read views: the query, the publication, the page URL and the ETag."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response
from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.analytics.time_axis import axis_of
from ingest.api import request_body, schemas
from ingest.api.errors import Unprocessable
from ingest.api.query_params import SeriesQuery
from ingest.core.posts import digest
from ingest.core.validation import field_errors, url_parameters
from ingest.operations.permalinks import successor_of
from ingest.store.base import Publication, StoredEntity, StoreReader

F = TypeVar("F")
Q = TypeVar("Q", bound=BaseModel)


def find_publication(store: StoreReader, name: str) -> Publication:
    """Find a publication by its id or name, or raise NotFound. An id takes precedence."""
    found = store.publication_by_id(name) or store.publication(name)
    # A name may end with the slash that the middleware removes.
    found = found or store.publication(f"{name}/")
    if found is None:
        raise NotFound("No saved post has a publication of this name or id.")
    return found


def find_entity(read: Callable[[str], F | None], entity_id: str) -> F:
    """Read an entity by its id, else by the id it counts under now, or raise NotFound."""
    found = read(entity_id)
    successor = None if found else successor_of(entity_id)
    found = read(successor) if successor else found
    if found is None:
        raise NotFound("No publication mentions an entity of this id.")
    return found


def read_query(kind: type[Q], request: Request) -> Q:
    """Read a query from the URL. The error names each parameter that is not valid."""
    parameters = url_parameters(kind, request.query_params.lists())
    unknown = parameters.keys() - kind.model_fields.keys()
    try:
        return kind.model_validate(parameters)
    except ValidationError as error:
        detail = "A query parameter is not valid."
        if unknown:
            known = ", ".join(kind.model_fields)
            detail += f" This URL has {f'the parameters {known}' if known else 'no parameters'}."
        raise Unprocessable(detail, errors=field_errors(error)) from error


def read_body(kind: type[Q], request: Request) -> Q:
    """Read the body of a request. The error names each field that is not valid."""
    try:
        return kind.model_validate(request_body.read_json(request))
    except ValidationError as error:
        raise Unprocessable("Nothing was done.", errors=field_errors(error)) from error


def tagged_response(
    request: Request,
    kind: type[schemas.ResponseModel],
    data: dict[str, Any],
    **urls: str | None,
) -> HttpResponseBase:
    """
    Answer with data and its ETag, or with 304 if the client has the same data.

    The ETag is weak because it covers only the data. The URL of the next page contains the read
    time, which differs in each response.
    """
    etag = f'W/"{digest(json.dumps(data, sort_keys=True))}"'
    body = kind.model_validate({**data, **urls}).model_dump(mode="json", exclude_unset=True)
    response = Response(body, headers={"ETag": etag})
    return get_conditional_response(request, etag=etag, response=response) or response


def page_url(request: Request, query: Mapping[str, Any] | None) -> str | None:
    return f"{quote(request.path)}?{urlencode(query)}" if query else None


def series_fields(
    days: Mapping[str, int], query: SeriesQuery, **counts: Mapping[str, int]
) -> dict[str, Any]:
    """Return counts by the steps of a window, whose open ends are the first and last of days."""
    axis = axis_of(days, query.window, query.step)
    if axis is None:
        return {"window": {"since": None, "until": None}, "step": None, "series": []}
    sums = {name: axis.sums(own) for name, own in counts.items()}
    return {
        "window": {"since": axis.since, "until": axis.until},
        "step": axis.step,
        "series": [
            {"since": start, **{name: own[start] for name, own in sums.items()}}
            for start in axis.starts
        ],
    }


def entity_identity(entity: StoredEntity) -> dict[str, str]:
    """Return the name of an entity."""
    return {name: getattr(entity, name) for name in ("id", "family", "key", "label", "text")}


def publication_item(publication: Publication) -> dict[str, Any]:
    url = reverse("publication", args=[publication.id])
    return {
        "name": publication.name,
        "id": publication.id,
        "posts": publication.posts,
        "first_day": publication.first_day,
        "last_day": publication.last_day,
        "url": url,
        "entities_url": f"{url}/entities",
    }
