"""HEAD, OPTIONS, other origins and a slash at the end: what HTTP clients expect."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from ingest.models import Scope
from ingest.store import open_store
from tests.support.clients import keyed, queued
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

POST = {"content": "Obama went to Oslo.", "publication": "The Gazette"}
ORIGIN = "https://app.example.org"


@pytest.fixture
def api() -> Client:
    """Return a client with a key that allows everything."""
    open_store().add([with_entities("1", [entity("Obama")]), with_entities("2", publication="A/")])
    return keyed(list(Scope.values))


@pytest.mark.parametrize(
    "path",
    [
        *("status", "limits", "publications", "publications/The%20Gazette"),
        *(f"publications/The%20Gazette/entities{end}" for end in ("", ".csv", ".json")),
    ],
)
def test_head_is_get_without_a_body(api: Client, path: str) -> None:
    answers = [method(f"/api/{path}") for method in (api.head, api.get)]
    assert [answer.status_code for answer in answers] == [HTTPStatus.OK, HTTPStatus.OK]
    assert answers[0]["Content-Type"] == answers[1]["Content-Type"]
    assert not answers[0].getvalue()


def test_head_needs_the_scope_of_get() -> None:
    submitter = keyed([Scope.SUBMIT])
    assert submitter.head("/api/limits").status_code == HTTPStatus.OK
    assert submitter.head("/api/publications").status_code == HTTPStatus.FORBIDDEN
    assert Client().head("/api/publications").status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("posts", "GET, POST, HEAD, OPTIONS"),
        (f"posts/{'0' * 32}", "GET, DELETE, HEAD, OPTIONS"),
        ("publications", "GET, HEAD, OPTIONS"),
        ("drain", "POST, OPTIONS"),
    ],
)
def test_options_names_the_methods_without_a_key(path: str, methods: str) -> None:
    answer = Client().options(f"/api/{path}")
    assert (answer.status_code, answer["Allow"]) == (HTTPStatus.NO_CONTENT, methods)
    assert not answer.content


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_post_may_be_sent_with_a_slash_at_the_end(api: Client, end: str) -> None:
    answer = api.post(f"/api/posts{end}", POST, content_type="application/json")
    assert answer.status_code == HTTPStatus.ACCEPTED
    assert len(queued()) == 1


@pytest.mark.parametrize(
    "path", ["status", "publications", "publications/The%20Gazette", "publications/a%2F"]
)
def test_a_list_may_be_read_with_a_slash_at_the_end(api: Client, path: str) -> None:
    assert api.get(f"/api/{path}/").json() == api.get(f"/api/{path}").json()


def test_the_next_page_has_no_slash(api: Client) -> None:
    page = api.get("/api/publications/?limit=1").json()
    assert page["next"].startswith("/api/publications?")


@pytest.fixture
def other_origin(settings: Any) -> None:
    """Allow one other origin, as INGEST_CORS_ORIGINS does."""
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]


def preflight(path: str, origin: str) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    return Client().options(path, headers=headers)


@pytest.mark.usefixtures("other_origin")
def test_a_browser_of_an_allowed_origin_may_call_the_api(api: Client) -> None:
    allowed = preflight("/api/posts", ORIGIN)
    assert allowed.status_code == HTTPStatus.OK
    assert allowed["Access-Control-Allow-Origin"] == ORIGIN
    assert "authorization" in allowed["Access-Control-Allow-Headers"]
    answer = api.get("/api/status", headers={"Origin": ORIGIN})
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert "Retry-After" in answer["Access-Control-Expose-Headers"]
    refused = Client().get("/api/status", headers={"Origin": ORIGIN})
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    assert refused["Access-Control-Allow-Origin"] == ORIGIN  # so that the page sees the error


@pytest.mark.usefixtures("other_origin")
def test_a_browser_of_another_origin_or_for_a_page_may_not() -> None:
    for answer in (preflight("/api/posts", "https://evil.example"), preflight("/login", ORIGIN)):
        assert "Access-Control-Allow-Origin" not in answer


def test_no_other_origin_is_allowed_by_default() -> None:
    assert "Access-Control-Allow-Origin" not in preflight("/api/posts", ORIGIN)


@pytest.mark.parametrize(
    ("query", "pointer", "words"),
    [
        ("family=people", "/family", ["is not a family", "PERSON", "PLACE", "GROUP", "WORK"]),
        ("family=gpe", "/family", ["is a label of the family PLACE"]),
        ("sort=name", "/sort", ["family, prefix, since, until, order, limit, cursor"]),
        ("label=PERSON", "/label", ["family, prefix, since, until, order, limit, cursor"]),
    ],
)
def test_a_wrong_parameter_is_answered_with_what_to_do(
    api: Client, query: str, pointer: str, words: list[str]
) -> None:
    answer = api.get(f"/api/publications/The%20Gazette/entities?{query}")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    for word in words:
        assert word in json.dumps(answer.json())


@pytest.mark.parametrize("family", ["person", "Person", "PERSON"])
def test_a_family_may_be_written_in_any_case(api: Client, family: str) -> None:
    entities = f"/api/publications/The%20Gazette/entities?family={family}"
    assert [e["text"] for e in api.get(entities).json()["entities"]] == ["Obama"]
    compared = f"/api/compare?first=The%20Gazette&second=A/&family={family}"
    assert [e["text"] for e in api.get(compared).json()["only_first"]] == ["Obama"]
