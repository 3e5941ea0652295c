"""Names mentioned together, on the page and over HTTP."""

from http import HTTPStatus

import pytest
from django.test import Client

from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.store import open_store
from tests.support.clients import keyed
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

OBAMA = entity_id("PERSON", "obama")


@pytest.fixture(autouse=True)
def saved(sql_store: None) -> None:
    """Save posts that mention two names together."""
    names = [entity("Obama"), entity('<b>"Odin'), entity("Oslo", label="GPE")]
    open_store().add([with_entities(str(n), names) for n in range(3)])


def test_the_page_says_its_sample_and_draws_the_network() -> None:
    page = Client().get(f"/entities/{OBAMA}/mentioned-with?order=lift").content.decode()
    assert "Counted in the newest 3 of 3 posts of The Gazette" in page
    assert 'aria-label="Names mentioned with Obama"' in page
    assert "<b>" not in page
    wrong = Client().get(f"/entities/{OBAMA}/mentioned-with?since=may").content.decode()
    assert "The list below is not filtered" in wrong


def test_the_api_answers_the_same_and_as_graphml() -> None:
    reader, path = keyed(["read"]), f"/api/entities/{OBAMA}/mentioned-with"
    answer = reader.get(f"{path}?publication=The+Gazette&family=PLACE").json()
    assert (answer["posts"], answer["of_posts"], answer["text"]) == (3, 3, "Obama")
    assert [(c["text"], c["posts"], c["lift"]) for c in answer["companions"]] == [("Oslo", 3, 1.0)]
    graph = reader.get(f"{path}.graphml")
    assert graph["Content-Type"] == "application/graphml+xml"
    assert Client().get(f"/entities/{OBAMA}/mentioned-with.graphml").content[:5] == b"<?xml"


@pytest.mark.parametrize("rest", ["mentioned-with", "mentioned-with.graphml"])
def test_what_is_not_mentioned_is_not_found(rest: str) -> None:
    other = f"{'0' * 32}/{rest}"
    assert Client().get(f"/entities/{other}").status_code == HTTPStatus.NOT_FOUND
    assert keyed(["read"]).get(f"/api/entities/{other}").status_code == HTTPStatus.NOT_FOUND
    nowhere = f"/entities/{OBAMA}/{rest}?publication={publication_id('Nowhere')}"
    assert Client().get(nowhere).status_code == HTTPStatus.NOT_FOUND
