"""The pages of watches: made on the page of a name or publication, seen, and ended."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import SavedPostId
from ingest.core.posts import publication_id
from ingest.models import AuditEntry, Watch
from ingest.notify.watches import evaluate
from ingest.store import open_store
from ingest.web import watches
from tests.support.factories import entity, with_entities

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]

OBAMA = [entity("Barack Obama")]
OBAMA_ID = entity_id(*name_of(OBAMA[0]))
GAZETTE = publication_id("The Gazette")
NAME, PUBLICATION = f"/entities/{OBAMA_ID}", f"/publications/{GAZETTE}"
DAY = {"hours": "24", "more_than": ""}


@pytest.fixture(autouse=True)
def saved(sql_store: None) -> None:
    """Save a post of each of two publications."""
    save("1")
    save("2", publication="The Herald")


def save(id_: str, *, publication: str = "The Gazette") -> None:
    """Save a post, and evaluate the watches."""
    post = with_entities(id_, OBAMA, publication=publication)
    open_store().add([post])
    evaluate([SavedPostId(post_id=post.post_id)])


@pytest.fixture
def client() -> Client:
    """Return a client with an account without any permission."""
    client = Client()
    client.force_login(User.objects.create_user("reader"))
    return client


def text_of(page: Any) -> str:
    """Return the words of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.content.decode()).split())


def test_the_form_is_on_the_pages_of_a_name_and_of_a_publication_for_accounts(
    client: Client,
) -> None:
    for page in (NAME, PUBLICATION):
        assert f'action="{page}/watch"' in client.get(page).content.decode()
        assert "/watch" not in Client().get(page).content.decode()
        assert client.get(f"{page}/watch").status_code == 200
        assert Client().get(f"{page}/watch").status_code == 302


def test_a_watch_made_on_the_page_of_a_name_tells_on_the_page_and_in_a_feed(client: Client) -> None:
    form = {**DAY, "condition": "any", "publication": GAZETTE}
    made = client.post(f"{NAME}/watch", form, follow=True)
    assert made.redirect_chain[0][0].startswith("/watches?made=")
    words = "Every post that mentions Barack Obama in The Gazette"
    assert f"You are told: {words}." in text_of(made)
    save("3")
    save("4", publication="The Herald")
    page = client.get("/watches")
    assert "Post 3" not in text_of(Client().get("/watches", follow=True))
    (row,) = Watch.objects.all()
    assert (row.entity_id, row.publication, row.account) == (
        OBAMA_ID,
        "The Gazette",
        User.objects.get(),
    )
    assert text_of(page).count(f"The Gazette, {row.created_at:%Y}") == 1
    feed = f"/feeds/{row.address}.atom"
    assert feed in page.content.decode()
    assert Client().get(feed).content.decode().count("<entry>") == 1
    client.post(f"{NAME}/watch", form)
    assert Watch.objects.count() == 1, "the same watch is not made twice"
    assert AuditEntry.objects.get(action="add").actor == "reader"


@pytest.mark.parametrize(
    ("page", "form", "words"),
    [
        (NAME, {"condition": "any"}, "Every post that mentions Barack Obama"),
        (NAME, {"condition": "rising", "hours": "168"}, "Barack Obama rises"),
        (
            NAME,
            {"condition": "more", "more_than": "7", "hours": "168", "publication": GAZETTE},
            "More than 7 posts that mention Barack Obama in The Gazette within a week",
        ),
        (PUBLICATION, {"condition": "any"}, "Every post of The Gazette"),
        (PUBLICATION, {"condition": "rising"}, "A name rises in The Gazette"),
        (
            PUBLICATION,
            {"condition": "more", "more_than": "3"},
            "More than 3 posts of The Gazette within a day",
        ),
    ],
)
def test_each_kind_of_watch_is_made_and_said_in_plain_words(
    client: Client, page: str, form: dict[str, str], words: str
) -> None:
    answer = client.post(f"{page}/watch", {**DAY, **form}, follow=True)
    assert f"You are told: {words}." in text_of(answer)
    row = Watch.objects.get()
    row.clean()
    assert str(row.hours) == form.get("hours", "24")


@pytest.mark.parametrize(
    "bad",
    [
        {"condition": "first"},
        {"condition": ""},
        {"condition": "more", "more_than": "-1"},
        {"condition": "more", "hours": "5"},
        {"condition": "any", "publication": "0" * 32},
    ],
)
def test_a_choice_that_is_not_valid_is_refused_with_the_form(
    client: Client, bad: dict[str, str]
) -> None:
    answer = client.post(f"{NAME}/watch", {**DAY, **bad})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not Watch.objects.exists()


def test_a_watch_is_moved_and_ended_by_its_own_account_only(client: Client) -> None:
    client.post(f"{PUBLICATION}/watch", {**DAY, "condition": "any"})
    row = Watch.objects.get()
    other = Client()
    other.force_login(User.objects.create_user("other"))
    for do in ("move", "stop"):
        assert other.post("/watches", {"do": do, "watch": row.pk}).status_code == 404
    assert client.post("/watches", {"do": "burn", "watch": row.pk}).status_code == 404
    client.post("/watches", {"do": "move", "watch": row.pk})
    assert Client().get(f"/feeds/{row.address}.atom").status_code == 404
    moved = Watch.objects.get().address
    User.objects.update(is_active=False)
    assert Client().get(f"/feeds/{moved}.atom").status_code == 404
    User.objects.update(is_active=True)
    client.post("/watches", {"do": "stop", "watch": row.pk})
    assert not Watch.objects.exists()
    assert Client().get(f"/feeds/{moved}.atom").status_code == 404


def test_an_account_has_so_many_watches_at_most(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "MAX_WATCHES", 1)
    client.post(f"{PUBLICATION}/watch", {**DAY, "condition": "any"})
    answer = client.post(f"{NAME}/watch", {**DAY, "condition": "any"})
    assert "at most 1 watches" in text_of(answer)
    assert Watch.objects.count() == 1
