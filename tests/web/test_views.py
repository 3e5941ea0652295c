"""The pages, without a browser."""

import pytest
from django.test import Client

from ingest.core.entity_names import entity_id
from ingest.store import open_store
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]


@pytest.mark.parametrize(
    ("url", "is_linked"),
    [
        ("https://example.org/a", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("ftp://example.org", False),
        ("", False),
    ],
)
def test_a_page_links_only_to_web_addresses_whatever_is_saved(url: str, is_linked: bool) -> None:
    post = with_entities("1", [entity("Odin")])
    open_store().add([post.model_copy(update={"url": url, "title": "A title"})])
    page = Client().get(f"/entities/{entity_id('PERSON', 'odin')}").content.decode()
    assert "A title" in page
    assert ('rel="nofollow noopener noreferrer">A title</a>' in page) is is_linked
