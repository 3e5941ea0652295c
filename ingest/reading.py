"""The HTTP API where counts are read; each list says what it is a part of."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response
from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest import answers, description
from ingest.authentication import KeyedView
from ingest.comparing import COMPARED, Row, compare
from ingest.exports import Format, entity_fields, export, sample_fields
from ingest.listing import EntityQuery, Place, list_entities
from ingest.messages import PostEntities
from ingest.passages import find_passage
from ingest.posts import digest
from ingest.problems import Refused, field_errors
from ingest.queries import CompareQuery, PostsQuery, PublicationsQuery, Query
from ingest.store import PostCursor, Publication, StoredEntity, open_store
from ingest.summaries import ask_where_old

# An entity that more publications mention is shown in those that mention it most.
PUBLICATIONS_OF_AN_ENTITY = 50

ID = re.compile(r"[0-9a-f]{32}")

Q = TypeVar("Q", bound=BaseModel)


class Publications(KeyedView):
    """`GET /api/publications`: publications by name, with the number of their posts."""

    @description.publications
    def get(self, request: Request) -> HttpResponseBase:
        query = _query(PublicationsQuery, request)
        found = open_store().publications(limit=query.limit + 1, after=query.after)
        page = found[: query.limit]
        more = len(found) > query.limit
        following = {"limit": query.limit, "after": page[-1].name} if more else None
        return _answer(
            request,
            answers.Publications,
            {"publications": list(map(_publication, page))},
            next=_address(request, following),
        )


class OnePublication(KeyedView):
    """`GET /api/publications/{name}`: a publication, and its posts by day."""

    @description.publication
    def get(self, request: Request, name: str) -> HttpResponseBase:
        _query(Query, request)
        publication = find_publication(name)
        days = dict(sorted(publication.days.items()))
        data = {**_publication(publication), "days": days}
        return _answer(request, answers.OnePublication, data)


class Entities(KeyedView):
    """`GET /api/publications/{name}/entities`: the most mentioned first, page by page."""

    @description.entities
    def get(self, request: Request, name: str) -> HttpResponseBase:
        query = _query(EntityQuery, request)
        publication = find_publication(name)
        ask_where_old(publication)
        page = list_entities(open_store(), publication, query)
        entities = [entity_fields(page, entity) for entity in page.entities]
        asked = query.model_dump(exclude_none=True, exclude={"cursor"})
        following = {**asked, "cursor": page.next} if page.next else None
        data = {**sample_fields(page), "entities": entities}
        return _answer(request, answers.Entities, data, next=_address(request, following))


class Export(KeyedView):
    """`GET /api/publications/{name}/entities.csv` or `.json`: all of them, as of one moment."""

    @description.export
    def get(self, request: Request, name: str, format_: Format) -> HttpResponseBase:
        query = _query(EntityQuery, request)
        return export(open_store(), find_publication(name), query, format_)


class OneEntity(KeyedView):
    """`GET /api/entities/{id}`: one entity in the publications that mention it, day by day."""

    @description.entity
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        _query(Query, request)
        found = open_store().entity_everywhere(entity_id, limit=PUBLICATIONS_OF_AN_ENTITY)
        if not found:
            raise NotFound("No publication mentions an entity of this id.")
        entity = found[0][1]
        days = sum((Counter(e.days) for _, e in found), Counter[str]())
        return _answer(
            request,
            answers.Entity,
            {
                **{
                    name: getattr(entity, name) for name in ("id", "family", "key", "label", "text")
                },
                "mentions": sum(e.mentions for _, e in found),
                "posts": sum(e.posts for _, e in found),
                "of_posts": sum(p.posts for p, _ in found),
                "days": dict(sorted(days.items())),
                "publications": [_occurrence(p, e) for p, e in found],
            },
        )


class EntityPosts(KeyedView):
    """`GET /api/entities/{id}/posts`: the posts that mention an entity, the newest first."""

    @description.entity_posts
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        query = _query(PostsQuery, request)
        place = Place.read(query.cursor) if query.cursor else None
        found = open_store().posts_mentioning(
            entity_id,
            name=find_publication(query.publication).name if query.publication else None,
            limit=query.limit + 1,
            after=PostCursor(str(place.value), place.id) if place else None,
        )
        page = found[: query.limit]
        posts = [_post(post, entity_id) for post in page]
        following = _address(request, _rest(query, found))
        data = {"entity": entity_id, "posts": posts}
        return _answer(request, answers.MentioningPosts, data, next=following)


class Compare(KeyedView):
    """`GET /api/compare?first=…&second=…`: what one publication mentions and the other does not."""

    @description.compare
    def get(self, request: Request) -> HttpResponseBase:
        query = _query(CompareQuery, request)
        first, second = find_publication(query.first), find_publication(query.second)
        found = compare(open_store(), first, second, family=query.family)
        lists = {"only_first": found.only_first, "only_second": found.only_second}
        return _answer(
            request,
            answers.Comparison,
            {
                "first": _publication(first),
                "second": _publication(second),
                "compared": COMPARED,
                **{n: list(map(_row, rows)) for n, rows in {**lists, "both": found.both}.items()},
            },
        )


def find_publication(name: str) -> Publication:
    """Find a publication by its name or its id, which goes before; else it is not found."""
    store = open_store()
    found = store.publication_by_id(name) if ID.fullmatch(name) else None
    found = found or store.publication(name)
    if found is None:
        raise NotFound("No publication of this name has a saved post.")
    return found


def _query(kind: type[Q], request: Request) -> Q:
    """Read a query from the address; what it does not know is refused by name."""
    asked = dict(request.query_params.items())
    try:
        return kind.model_validate(asked)
    except ValidationError as error:
        raise Refused("The query is not one of ours.", errors=field_errors(error)) from error


def _answer(
    request: Request, kind: type[answers.Said], data: dict[str, Any], **addresses: str | None
) -> HttpResponseBase:
    """
    Answer with data as it is described, or with 304 where the client has the same.

    The tag is weak, for it stands for the data alone: the address of the next page names the
    moment, which is another each time.
    """
    etag = f'W/"{digest(json.dumps(data, sort_keys=True))}"'
    said = kind.model_validate({**data, **addresses}).model_dump(mode="json", exclude_unset=True)
    response = Response(said, headers={"ETag": etag})
    return get_conditional_response(request, etag=etag, response=response) or response


def _address(request: Request, query: Mapping[str, Any] | None) -> str | None:
    return f"{quote(request.path)}?{urlencode(query)}" if query else None


def _rest(query: PostsQuery, found: list[PostEntities]) -> dict[str, Any] | None:
    if len(found) <= query.limit:
        return None
    last = found[query.limit - 1]
    asked = query.model_dump(exclude_none=True, exclude={"cursor"})
    return {**asked, "cursor": Place(value=last.day.isoformat(), id=last.post_id).sign()}


def _publication(publication: Publication) -> dict[str, Any]:
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


def _occurrence(publication: Publication, entity: StoredEntity) -> dict[str, Any]:
    return {
        "publication": publication.name,
        "id": publication.id,
        "of_posts": publication.posts,
        "mentions": entity.mentions,
        "posts": entity.posts,
        "days": dict(sorted(entity.days.items())),
    }


def _post(post: PostEntities, entity_id: str) -> dict[str, Any]:
    passage = find_passage(post, entity_id)
    return {
        "id": post.post_id,
        "publication": post.publication,
        "day": post.day.isoformat(),
        "title": post.title,
        "url": post.url,
        "passage": passage._asdict() if passage else None,
    }


def _row(row: Row) -> dict[str, Any]:
    entity = row.entity
    return {
        **_name(entity),
        "first": _counts(row.first),
        "second": _counts(row.second),
    }


def _name(entity: StoredEntity) -> dict[str, str]:
    return {name: getattr(entity, name) for name in ("id", "family", "key", "label", "text")}


def _counts(entity: StoredEntity | None) -> dict[str, int]:
    return {
        "mentions": entity.mentions if entity else 0,
        "posts": entity.posts if entity else 0,
    }
