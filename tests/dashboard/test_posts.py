"""The dashboard's look-up of any post."""

import pytest
from django.test import Client

from ingest.models import DeadLetter, Step
from ingest.store import open_store
from ingest.worker.failure_isolation import dead_letter
from tests.support.factories import accepted, with_entities

# The post is looked up in another thread, which sees only what is committed.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]


def page(client: Client, **query: str) -> str:
    """Return the page of a look-up."""
    response = client.get("/admin/posts/", query)
    assert response.status_code == 200
    return response.content.decode()


def test_a_post_is_found_by_its_id_and_by_the_publisher_s_own(operator: Client) -> None:
    post = with_entities("a/1")
    open_store().add([post])
    assert "saved in" in page(operator, id=post.post_id)
    assert "saved in" in page(operator, publication="the  gazette", own_id="a/1")
    assert "is not saved" in page(operator, publication="The Gazette", own_id="a/2")
    assert "32 hexadecimal digits" in page(operator, id="<b>")


def test_a_dead_letter_is_found_with_its_reason_and_a_link(operator: Client) -> None:
    post = accepted("Oslo.")
    dead_letter(Step.EXTRACT, post, DeadLetter.Reason.TIMEOUT, "too slow")
    found = page(operator, id=post.post_id)
    assert "ran over its time limit" in found
    assert f"/admin/ingest/deadletter/{DeadLetter.objects.get().pk}/change/" in found
    assert "Posts" in operator.get("/admin/ingest/").content.decode()
