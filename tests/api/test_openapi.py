"""The OpenAPI 3.1 description is valid and complete, and its page loads nothing from elsewhere."""

import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from ingest.api import urls
from ingest.api.openapi import EDIT, POST
from ingest.core.posts import Post

pytestmark = pytest.mark.django_db


def test_the_description_is_valid_and_complete() -> None:
    """drf-spectacular warns about every view that it has to guess."""
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_every_url_is_described() -> None:
    described = Client().get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    names = {pattern.name for pattern in urls.urlpatterns} - {"openapi", "docs"}
    assert len(described["paths"]) == len(names)
    for methods in described["paths"].values():
        for operation in methods.values():
            assert {"401", "403", "429"} < operation["responses"].keys()


def test_every_response_has_its_fields_described() -> None:
    described = Client().get("/api/openapi.json").json()
    for path, methods in described["paths"].items():
        for name, operation in methods.items():
            for status, answer in operation["responses"].items():
                for kind, body in answer.get("content", {}).items():
                    if kind.endswith("json") and kind != "application/x-ndjson":
                        assert "$ref" in body["schema"], (path, name, status)
    fields = described["components"]["schemas"]["EntityPage"]["properties"]
    assert {"publication", "posts", "window", "entities", "next"} < fields.keys()


def test_the_examples_are_posts() -> None:
    assert Post.model_validate(POST)
    assert Post.model_validate(EDIT)


def test_the_page_loads_nothing_from_other_hosts() -> None:
    page = Client().get("/api/docs").content.decode()
    urls_of_page = re.findall(r'(?:src|href|url)\s*[=:]\s*"([^"]+)"', page)
    assert urls_of_page
    for url in urls_of_page:
        assert url.startswith("/"), url
        response = Client().get(url)
        assert response.status_code == 200, url
        response.close()
