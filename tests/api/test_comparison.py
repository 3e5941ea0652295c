"""Comparisons and groups over HTTP, and on their page."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.models import AuditEntry
from ingest.store import open_store
from tests.support.clients import keyed
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

WIRE = publication_id("The Wire")


@pytest.fixture(autouse=True)
def saved(sql_store: None) -> None:
    """Save posts of two publications."""
    open_store().add(
        [
            with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")]),
            with_entities("2", [entity("Obama", 5), entity("<b>Odin")], publication="The Wire"),
        ]
    )


def url(path: str, **parameters: object) -> str:
    return f"{path}?{urlencode(parameters, doseq=True)}"


def put(client: Client, slug: str, body: Any) -> Any:
    return client.put(f"/api/groups/{slug}", json.dumps(body), content_type="application/json")


def test_an_answer_has_each_side_with_its_sample() -> None:
    answer = keyed(["read"]).get(url("/api/comparison", of=["The Gazette", WIRE])).json()
    assert [(side["title"], side["posts"]) for side in answer["sides"]] == [
        ("The Gazette", 1),
        ("The Wire", 1),
    ]
    rows = {r["text"]: (r["sides"], [c["mentions"] for c in r["counts"]]) for r in answer["rows"]}
    assert rows["Obama"] == ([0, 1], [2, 5])
    assert rows["Oslo"] == ([0], [1, 0])
    assert (answer["step"], answer["starts"], answer["top"]) == ("day", ["2026-05-04"], 200)
    assert answer["lines"][0]["shares"] == [[1.0], [1.0]]


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({}, "/of"),
        ({"of": "Nowhere"}, "/of"),
        ({"of": ["The Gazette", WIRE], "period": "may"}, "/period/0"),
        ({"of": WIRE, "order": "size"}, "/order"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, object], pointer: str) -> None:
    answer = keyed(["read"]).get(url("/api/comparison", **parameters))
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_group_is_kept_under_an_address_and_compared_by_it() -> None:
    operator, reader = keyed(["operate", "read"]), keyed(["read"])
    both = {"name": "Both", "publications": ["The Wire", "The Gazette", "Gone"]}
    assert put(reader, "two", both).status_code == HTTPStatus.FORBIDDEN
    assert put(operator, "two", both).status_code == HTTPStatus.CREATED
    assert put(operator, "two", both).status_code == HTTPStatus.OK
    assert put(operator, "other", both).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    (item,) = reader.get("/api/groups").json()["groups"]
    assert reader.get(item["url"]).json()["publications"] == ["The Wire", "The Gazette"]
    (side,) = reader.get(item["compare_url"]).json()["sides"]
    assert (side["title"], side["posts"]) == ("Both", 2)
    assert operator.delete(item["url"]).status_code == HTTPStatus.NO_CONTENT
    assert reader.get(item["url"]).status_code == HTTPStatus.NOT_FOUND
    actions = AuditEntry.objects.filter(target="group of publications Both")
    assert set(actions.values_list("action", flat=True)) == {"add", "change", "delete"}


def test_the_page_says_what_each_side_has_and_escapes_names() -> None:
    page = Client().get(url("/compare", first=publication_id("The Gazette"), second=WIRE))
    text = page.content.decode()
    assert "Only The Gazette" in text
    assert "Each was looked up on every side" in text
    assert "Obama: share of posts by day" in text
    assert "<b>Odin" not in text


def test_the_page_names_what_it_cannot_compare() -> None:
    page = Client().get(url("/compare", of="Nowhere")).content.decode()
    assert "Of: names no publication that is here: Nowhere." in page
    wrong = Client().get(url("/compare", of="The Gazette", period="may"))
    assert "Period: is not two days" in wrong.content.decode()
    alone = Client().get(url("/compare", name="Obama")).content.decode()
    assert "The 2 publications that mention these names most: 2 posts" in alone


def test_a_key_of_one_publication_sees_nothing_of_others() -> None:
    own = keyed(["read"], publications=["The Gazette"])
    obama = entity_id("PERSON", "obama")
    hidden = open_store().newest_posts("The Wire", limit=1)[0].post_id
    refused = own.get(url("/api/comparison", of=["The Gazette", "The Wire"]))
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    (side,) = own.get(url("/api/comparison", name=obama)).json()["sides"]
    assert (side["publications"], side["posts"]) == (["The Gazette"], 1)
    assert own.get(f"/api/posts/{hidden}/content").status_code == HTTPStatus.NOT_FOUND
    assert own.get(f"/api/entities/{obama}/posts").json()["total"] == 1
    assert own.get("/api/publications/The Wire/posts").status_code == HTTPStatus.NOT_FOUND
    found = own.get("/api/entities?q=obama").json()["entities"]
    assert [(name["mentions"], len(name["publications"])) for name in found] == [(2, 1)]
    assert own.get("/api/entities?q=odin").json()["entities"] == []
