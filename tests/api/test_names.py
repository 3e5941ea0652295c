"""Names of every kind in every address: the thing, or 404, and never a server error."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.store import open_store, open_store_of
from ingest.store.base import Store
from tests.support.clients import keyed
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db(transaction=True),  # the dashboard reads in a thread of its own
    pytest.mark.usefixtures("empty_broker", "forgotten_keys"),
]

NAMES = [
    *("a/b", "/", "//", "..", "../..", "a/../b", ".", "__x__", "__id1__", "%2F", "a%2Fb", "a\\b"),
    *("x/entities", "entities.csv", "x/entities.json", "?", "#", "a&b=c", "ü\u200b", "x" * 200),
    *("-", "+", "'", '"', "<b>", "=1+1", "0" * 32),
]
NO_NAMES = ["", " ", "\0", "a\0b", "\n", "\ud7ff", "x" * 3000, "f" * 32, "9" * 40]

PUBLICATION = (
    "",
    "/entities",
    "/entities.csv",
    "/entities.json",
    "/entities?prefix=a&family=PLACE",
)
OF_NAME = [
    *(f"/api/publications/{{}}{rest}" for rest in PUBLICATION),
    *("/api/publications?after={}", "/api/compare?first={}&second={}", "/?after={}"),
    *("/api/entities?q={}", "/search?q={}"),
    *("/admin/publications/?after={}", "/compare?first={}&second={}"),
    *("/publications/{}", "/publications/{}/entities.csv", "/entities/{}", "/api/entities/{}"),
    *("/compare?of={}&name={}&period={}", "/api/comparison?of={}", "/api/comparison?name={}"),
    *("/entities/{}/mentioned-with", "/api/entities/{}/mentioned-with?publication={}"),
    *("/publications/{}/posts", "/posts/{}", "/api/posts/{}/content", "/api/groups/{}"),
    *(
        "/api/publications/{}/posts?title={}",
        f"/entities/{'0' * 32}/mentioned-with?publication={{}}",
    ),
    *("/api/entities/{}/posts", "/api/entities/{}/posts?publication={}", "/api/posts/{}"),
    *("/api/posts/{}?receipt={}", f"/entities/{'0' * 32}?publication={{}}&cursor={{}}"),
    f"/api/publications/{'0' * 32}/entities?family={{}}&prefix={{}}&cursor={{}}",
    *("/admin/ingest/deadletter/?publication={}&q={}", "/admin/ingest/deadletter/{}/change/"),
    "/admin/ingest/deadletter/replay/?publication__exact={}",
]


@pytest.fixture(params=["sql", "firestore"])
def store(request: pytest.FixtureRequest, settings: Any) -> Iterator[Store]:
    """Return each store, as the web server opens it, with a post of each name."""
    settings.STORE = request.param
    if request.param == "firestore":
        project = request.getfixturevalue("firestore")._client.project
        path, options = settings.STORES["firestore"]
        own = (path, {**options, "project": project})
        settings.STORES = {**settings.STORES, "firestore": own}
    open_store_of.forget()
    names = [entity(name, label="GPE") for name in ("Oslo", "Bergen")]
    open_store().add([with_entities(str(i), names, publication=n) for i, n in enumerate(NAMES)])
    yield open_store()
    open_store_of.forget()


def test_a_publication_of_any_name_is_found(store: Store) -> None:
    reader = keyed(["read"])
    for name in NAMES:
        whole, id_ = quote(name, safe=""), publication_id(name)
        pages = [f"/publications/{id_}", f"/publications/{id_}/entities.csv"]
        lists = [f"/api/publications/{whole}{rest}" for rest in PUBLICATION[1:]]
        for path in (
            *pages,
            *lists,
            f"/api/publications/{id_}",
            f"/api/compare?first={whole}&second={id_}",
        ):
            answer = reader.get(path)
            assert answer.status_code == 200, path
            answer.close()
        oslo = entity_id("PLACE", "oslo")
        posts = reader.get(f"/api/entities/{oslo}/posts?publication={whole}").json()["posts"]
        assert [post["publication"] for post in posts] == [name]


def test_no_name_in_any_address_is_a_server_error(store: Store, operator: Client) -> None:
    reader = keyed(["read"])
    reader.raise_request_exception = operator.raise_request_exception = False
    faults = []
    for name in (*NAMES, *NO_NAMES):
        for quoted in {quote(name, safe=safe, errors="surrogatepass") for safe in ("", "/%")}:
            for template in OF_NAME:
                client = reader if template.startswith("/api/") else operator
                answer = client.get(template.replace("{}", quoted))
                if answer.status_code >= 500:
                    faults.append((template, name, answer.status_code))
                answer.close()
    assert faults == []
