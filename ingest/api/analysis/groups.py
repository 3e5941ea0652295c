"""The HTTP API of groups of publications, which a comparison counts as one."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.urls import reverse
from pydantic import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.analytics.comparison_query import GROUP_SIGN
from ingest.api import openapi, request_body
from ingest.api.analysis import schemas
from ingest.api.authentication import KeyedView, actor_of, reader_of
from ingest.api.errors import Unprocessable
from ingest.api.query_params import Query
from ingest.api.responses import read_query, tagged_response
from ingest.core.validation import field_errors
from ingest.models import PublicationGroup, Scope
from ingest.operations import audit
from ingest.store.base import StoreReader


class GroupsView(KeyedView):
    """`GET /api/groups`: the kept groups of publications."""

    @openapi.groups
    def get(self, request: Request) -> HttpResponseBase:
        read_query(Query, request)
        groups = [_item(group) for group in PublicationGroup.objects.all()]
        return tagged_response(request, schemas.GroupList, {"groups": groups})


class GroupView(KeyedView):
    """`GET`, `PUT` and `DELETE /api/groups/{slug}`: one group."""

    scopes = {"PUT": Scope.OPERATE, "DELETE": Scope.OPERATE}

    @openapi.group
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        read_query(Query, request)
        detail = _detail(reader_of(request), _group(slug))
        return tagged_response(request, schemas.GroupDetail, detail)

    @openapi.keep_group
    def put(self, request: Request, slug: str) -> Response:
        try:
            wanted = schemas.GroupRequest.model_validate(request_body.read_json(request))
        except ValidationError as error:
            raise Unprocessable(errors=field_errors(error)) from error
        if PublicationGroup.objects.filter(name=wanted.name).exclude(slug=slug).exists():
            problem = {"pointer": "/name", "detail": "another group has this name"}
            raise Unprocessable(errors=[problem])
        group, is_new = PublicationGroup.objects.update_or_create(
            slug=slug, defaults=wanted.model_dump()
        )
        action = audit.Action.ADD if is_new else audit.Action.CHANGE
        audit.record(actor_of(request), action, f"group of publications {group}")
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return Response(_detail(reader_of(request), group), status)

    @openapi.forget_group
    def delete(self, request: Request, slug: str) -> Response:
        group = _group(slug)
        group.delete()
        audit.record(actor_of(request), audit.Action.DELETE, f"group of publications {group}")
        return Response(status=HTTPStatus.NO_CONTENT)


def _group(slug: str) -> PublicationGroup:
    found = PublicationGroup.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound("No group has this address.")
    return found


def _item(group: PublicationGroup) -> dict[str, Any]:
    return {
        "slug": group.slug,
        "name": group.name,
        "url": reverse("group", args=[group.slug]),
        "compare_url": f"{reverse('comparison')}?{urlencode({'of': GROUP_SIGN + group.slug})}",
    }


def _detail(store: StoreReader, group: PublicationGroup) -> dict[str, Any]:
    names = [name for name in group.publications if store.publication(name)]
    return {**_item(group), "publications": names}
