"""The result of each post of a request."""

from typing import Any

import pytest

from ingest.api.schemas import AcceptedResult, DuplicateResult, RefusedResult
from ingest.api.submission import NOT_PERMITTED, check, submit
from tests.support.clients import queued

pytestmark = pytest.mark.usefixtures("empty_broker")

POST = {"content": "Obama went to Oslo.", "publication": "The Gazette", "id": "1"}
EDIT = {**POST, "content": "Obama came home."}


def kinds(*items: Any) -> list[type]:
    """Submit items, and return the kind of each result."""
    results = submit([check(item, may_change=lambda _: True) for item in items])
    return [type(result) for result in results.posts]


def test_the_same_post_twice_is_accepted_once() -> None:
    assert kinds(POST, {**POST, "content": " Obama went to Oslo. "}) == [
        AcceptedResult,
        DuplicateResult,
    ]
    assert len(queued()) == 1


def test_a_duplicate_has_the_url_of_the_first() -> None:
    post = check(POST, may_change=lambda _: True)
    first, second = (result.model_dump() for result in submit([post, post]).posts)
    assert (first["id"], first["url"]) == (second["id"], second["url"])


def test_another_content_is_an_edit_and_so_is_the_way_back() -> None:
    assert kinds(POST, EDIT, EDIT, POST) == [
        AcceptedResult,
        AcceptedResult,
        DuplicateResult,
        AcceptedResult,
    ]
    assert [post["content"] for post in queued()] == [
        POST["content"],
        EDIT["content"],
        POST["content"],
    ]


def test_without_an_id_the_same_content_with_another_title_is_an_edit() -> None:
    anonymous = {"content": "Obama.", "publication": "The Gazette"}
    assert kinds(anonymous, {**anonymous, "title": "News"}) == [
        AcceptedResult,
        AcceptedResult,
    ]


def test_a_bad_post_never_sinks_its_neighbours() -> None:
    assert kinds({}, POST, None, EDIT) == [
        RefusedResult,
        AcceptedResult,
        RefusedResult,
        AcceptedResult,
    ]
    assert kinds({}) == [RefusedResult]


def test_a_post_of_another_publication_is_refused() -> None:
    item = check(POST, may_change=lambda name: name != "The Gazette", pointer="/7")
    assert item == [{"pointer": "/7/publication", "detail": NOT_PERMITTED}]
