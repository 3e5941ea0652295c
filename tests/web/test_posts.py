"""Posts on the pages and over HTTP, and addresses that survive aliases."""

from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.models import Alias
from ingest.operations.rule_versions import bump_version
from ingest.store import open_store
from tests.support.clients import keyed
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

ODIN, OLD = entity_id("PERSON", "odin"), entity_id("PERSON", "wotan")
POST = with_entities("1", [entity("Odin"), entity("Oslo", label="GPE")]).model_copy(
    update={"title": "<i>Title", "content": "Odin left <b>Oslo</b>.", "url": "https://example.org"}
)


@pytest.fixture(autouse=True)
def saved(sql_store: None) -> None:
    """Save a post, and an alias that has merged a name into one of its own."""
    open_store().add([POST])
    Alias.objects.create(label="PERSON", name="Wotan", becomes="Odin")
    bump_version()


def test_a_post_has_a_page_with_its_names_marked_and_its_history() -> None:
    page = Client().get(f"/posts/{POST.post_id}").content.decode()
    assert f'<a class="name label-person" href="/entities/{ODIN}">Odin</a> left' in page
    assert "First accepted on" in page
    assert "<i>" not in page
    assert Client().get(f"/posts/{'0' * 32}").status_code == HTTPStatus.NOT_FOUND


def test_a_publication_has_a_page_of_its_posts() -> None:
    path = f"/publications/{publication_id('The Gazette')}/posts"
    page = Client().get(f"{path}?title=tit&since=2026-05-01").content.decode()
    assert "1 post from 2026-05-01 to the last day with these words in the title" in page
    assert f'href="/posts/{POST.post_id}"' in page
    assert "No post matches" in Client().get(f"{path}?until=2026-05-01").content.decode()
    assert "is not a day" in Client().get(f"{path}?until=x").content.decode()
    assert Client().get(f"{path}?cursor=x").status_code == HTTPStatus.NOT_FOUND


def test_the_api_has_the_text_of_a_post_and_where_its_names_stand() -> None:
    answer = keyed(["read"]).get(f"/api/posts/{POST.post_id}/content").json()
    odin, oslo = answer["names"]
    assert (odin["entity"], odin["start"], odin["end"]) == (ODIN, 0, 4)
    assert answer["content"][oslo["start"] : oslo["end"]] == "Oslo"
    assert answer["history"][0]["what"] == "first accepted"


def test_the_api_lists_posts_of_a_publication_and_of_a_name() -> None:
    reader = keyed(["read"])
    answer = reader.get("/api/publications/The%20Gazette/posts?title=title").json()
    assert (answer["total"], answer["searched"]) == (1, 1)
    assert answer["posts"][0]["id"] == POST.post_id
    answer = reader.get(f"/api/entities/{ODIN}/posts?since=2026-05-05").json()
    assert (answer["total"], answer["posts"]) == (0, [])


@pytest.mark.parametrize(
    "path",
    [
        "/entities/{}/mentioned-with",
        "/entities/{}/mentioned-with.graphml",
        "/entities/{}.atom",
        "/entities/{}/days.csv",
        "/entities/{}/posts.csv",
        "/embed/entities/{}/days.svg",
        "/compare?name={}",
        "/compare.csv?name={}",
        "/embed/compare.svg?name={}",
    ],
)
def test_every_page_of_a_merged_name_answers_for_what_it_counts_as(
    path: str, settings: Any
) -> None:
    settings.PAGES = "public"
    page = Client().get(path.format(OLD))
    assert (page.status_code, "Odin" in page.getvalue().decode()) == (HTTPStatus.OK, True)


@pytest.mark.parametrize("path", ["", "/posts", "/mentioned-with", "/days.csv", "/posts.json"])
def test_the_api_answers_for_a_merged_name_with_the_new_id(path: str) -> None:
    get = keyed(["read"]).get
    old, new = (get(f"/api/entities/{id_}{path}").getvalue().decode() for id_ in (OLD, ODIN))
    assert old.replace(OLD, ODIN) == new
    assert get(f"/api/entities/{'0' * 32}").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("name", [OLD, "Wotan"])
def test_a_comparison_follows_a_merged_name(name: str) -> None:
    answer = keyed(["read"]).get("/api/comparison", {"name": name}).json()
    assert [row["id"] for row in answer["rows"]] == [ODIN]


def test_the_address_of_a_merged_name_leads_to_what_it_counts_as() -> None:
    moved = Client().get(f"/entities/{OLD}?since=2026-05-01")
    assert (moved.status_code, moved["Location"]) == (
        HTTPStatus.FOUND,
        f"/entities/{ODIN}?since=2026-05-01",
    )
    reader = keyed(["read"])
    assert reader.get(f"/api/entities/{OLD}").json()["id"] == ODIN
    assert reader.get(f"/api/entities/{OLD}/posts").json()["entity"] == ODIN
    assert reader.get(f"/api/entities/{OLD}/mentioned-with").json()["id"] == ODIN
    assert "with Odin" in Client().get(f"/entities/{OLD}/mentioned-with").content.decode()
