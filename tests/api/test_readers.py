"""What a key or an account for some publications reads: no count, post or search of others."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.models import DeadLetter, ReadLimit
from ingest.store import open_store
from tests.support.clients import keyed
from tests.support.dead_letters import make_dead_letters
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

OBAMA, SECRET = entity_id("PERSON", "obama"), entity_id("PERSON", "secret")
OWN, OTHER = publication_id("The Gazette"), publication_id("The Mirror")
POSTS = [
    with_entities("1", [entity("Obama")]),
    with_entities("2", [entity("Obama", 5), entity("Secret")], publication="The Mirror"),
]


@pytest.fixture(autouse=True)
def posts(sql_store: None) -> None:
    """Save a post of each publication."""
    open_store().add(POSTS)


@pytest.fixture
def account() -> Client:
    """Return a client that is logged in with a role for one publication."""
    role = Group.objects.create(name="gazette")
    ReadLimit.objects.create(role=role, publications=["the  GAZETTE"])
    account = User.objects.create_user("gina", is_staff=True)
    account.groups.add(role, *Group.objects.filter(name="operator"))
    client = Client()
    client.force_login(account)
    return client


def get(client: Client, path: str) -> Any:
    return client.get(f"/api/{path}").json()


def test_a_key_reads_its_own_publications() -> None:
    own = keyed(["read"], publications=["the  GAZETTE"])
    assert [p["name"] for p in get(own, "publications")["publications"]] == ["The Gazette"]
    overview = get(own, f"entities/{OBAMA}")
    assert (overview["mentions"], overview["of_posts"]) == (1, 1)
    assert [p["publication"] for p in overview["publications"]] == ["The Gazette"]
    assert [p["id"] for p in get(own, f"entities/{OBAMA}/posts")["posts"]] == [POSTS[0].post_id]
    assert get(own, f"posts/{POSTS[0].post_id}")["status"] == "saved"


@pytest.mark.parametrize(
    "path",
    [
        "publications/The%20Mirror",
        f"publications/{OTHER}/entities",
        f"publications/{OTHER}/entities.csv",
        f"publications/{OTHER}/entities.json",
        f"compare?first={OWN}&second={OTHER}",
        f"entities/{SECRET}",
        f"entities/{OBAMA}/posts?publication=The%20Mirror",
        f"posts/{POSTS[1].post_id}",
    ],
)
def test_a_key_finds_nothing_of_another_publication(path: str) -> None:
    assert keyed(["read"], publications=["The Gazette"]).get(f"/api/{path}").status_code == 404
    assert keyed(["read"]).get(f"/api/{path}").status_code == 200


def test_a_key_sees_neither_a_dead_letter_nor_a_deletion_of_another_publication() -> None:
    own = keyed(["read", "submit"], publications=["The Gazette"])
    (dead,) = make_dead_letters("Dead.")
    DeadLetter.objects.update(publication="The Mirror")
    open_store().remove(POSTS[1].post_id, at=POSTS[1].accepted_at)
    for post_id in (dead.post_id, POSTS[1].post_id):
        assert own.get(f"/api/posts/{post_id}").status_code == 404
        assert keyed(["read"]).get(f"/api/posts/{post_id}").status_code == 200


def test_an_account_sees_the_publications_of_its_role_and_no_admin(account: Client) -> None:
    for path in ("/", f"/publications/{OWN}", f"/entities/{OBAMA}", "/compare"):
        page = account.get(path).content.decode()
        assert "The Gazette" in page, path
        assert "The Mirror" not in page, path
    assert "Secret" not in account.get(f"/entities/{OBAMA}").content.decode()
    hidden = (
        *(f"/publications/{OTHER}", f"/publications/{OTHER}/entities.csv"),
        f"/entities/{SECRET}",
    )
    assert [account.get(path).status_code for path in hidden] == [404] * 3
    assert "The Mirror" not in account.get(f"/compare?of={OWN}&of={OTHER}").content.decode()
    assert account.get("/admin/").status_code == 302
