"""The dashboard's list of publications."""

import pytest
from django.test import Client

from ingest.core.posts import publication_id
from ingest.store import open_store
from tests.support.factories import entity, with_entities

# The list is read in another thread, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.usefixtures("sql_store")
def test_publications_are_listed_with_their_most_mentioned_entities(operator: Client) -> None:
    open_store().add(
        [
            with_entities("1", [entity("Angela Merkel", 3), entity("<b>Bold</b>")]),
            with_entities("2", [entity("Oslo")], publication="../odd"),
        ]
    )
    page = operator.get("/admin/publications/").content.decode()
    assert f'href="/publications/{publication_id("The Gazette")}"' in page
    assert f'href="/publications/{publication_id("../odd")}"' in page
    assert "Angela Merkel" in page
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page
    assert "Publications" in operator.get("/admin/ingest/").content.decode()
