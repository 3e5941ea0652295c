"""The description says what the API does, in valid OpenAPI 3.1, and its page needs no network."""

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
    """drf-spectacular warns of every view that it has to guess about."""
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_every_address_is_described() -> None:
    described = Client().get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    names = {pattern.name for pattern in urls.urlpatterns} - {"openapi", "docs"}
    assert len(described["paths"]) == len(names)
    for methods in described["paths"].values():
        for operation in methods.values():
            assert {"401", "403", "429"} < operation["responses"].keys()


def test_every_answer_has_its_fields_described() -> None:
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


def test_the_page_asks_nobody_else_for_anything() -> None:
    page = Client().get("/api/docs").content.decode()
    addresses = re.findall(r'(?:src|href|url)\s*[=:]\s*"([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith("/"), address
        response = Client().get(address)
        assert response.status_code == 200, address
        response.close()
